// Package loopback recognizes hosts that are this machine.
package loopback

import (
	"net/netip"
	"strings"
)

// IsHost reports whether a host, without a port, is localhost or a loopback
// address.
func IsHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && ip.IsLoopback())
}
