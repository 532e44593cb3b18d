package collector

import (
	"net/netip"
	"strings"

	"dcs_session_exporter/dcsapi"
)

// AddressSource names the field of a session that its client address is taken
// from.
type AddressSource string

// The fields that hold an address.
const (
	SourceAddr AddressSource = "addr"
	SourcePeer AddressSource = "peer"
)

// AddressOptions say what the label client_address holds.
type AddressOptions struct {
	Source      AddressSource // default SourceAddr
	IncludePort bool
}

// of returns a session's client address for the label, and whether it is one
// that hides the real one.
func (o AddressOptions) of(s *dcsapi.Session) (address string, masked bool) {
	full := s.Addr
	if o.Source == SourcePeer {
		full = s.Peer
	}
	host, masked := splitAddress(full)
	if o.IncludePort {
		return full, masked
	}
	return host, masked
}

// Masked tells whether a session's client address is one that hides the real
// one.
func (o AddressOptions) Masked(s *dcsapi.Session) bool {
	_, masked := o.of(s)
	return masked
}

// splitAddress returns the host of an address with or without a port, IPv6
// without brackets, and whether it is in 198.19.0.0/16: a VPC endpoint's
// address, which hides the client's. Unix sockets and whatever else is no
// address are returned as they are.
func splitAddress(full string) (host string, masked bool) {
	host = full
	if strings.HasPrefix(full, "[") {
		end := strings.IndexByte(full, ']')
		if end < 0 || !isPort(full[end+1:]) {
			return full, false
		}
		host = full[1:end]
	} else if i := strings.LastIndexByte(full, ':'); i >= 0 && isPort(full[i:]) && strings.IndexByte(full[:i], ':') < 0 {
		host = full[:i]
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return full, false
	}
	if !ip.Is4() {
		return host, false
	}
	b := ip.As4()
	return host, b[0] == 198 && b[1] == 19
}

// isPort tells whether s is "" or a colon and digits.
func isPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) == 1 || len(s) > 6 {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
