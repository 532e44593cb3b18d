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

// host is what is known of the host of an address.
type host struct {
	ipv4   bool // the label is an IPv4 address
	masked bool // it is one that hides the client's
}

// field returns the field of a session that its client address is taken from.
func (o AddressOptions) field(s *dcsapi.Session) string {
	if o.Source == SourcePeer {
		return s.Peer
	}
	return s.Addr
}

// of returns the client address for the label, and what is known of its host.
func (o AddressOptions) of(full string) (address string, h host) {
	address, h = splitAddress(full)
	if o.IncludePort {
		return full, host{masked: h.masked}
	}
	return address, h
}

// Masked tells whether a session's client address is one that hides the real
// one.
func (o AddressOptions) Masked(s *dcsapi.Session) bool {
	_, h := splitAddress(o.field(s))
	return h.masked
}

// splitAddress returns the host of an address with or without a port, IPv6
// without brackets. Addresses in 198.19.0.0/16 are masked: a VPC endpoint's
// address, which hides the client's. Unix sockets and whatever else is no
// address are returned as they are.
func splitAddress(full string) (address string, h host) {
	address = full
	if strings.HasPrefix(full, "[") {
		end := strings.IndexByte(full, ']')
		if end < 0 || !isPort(full[end+1:]) {
			return full, host{}
		}
		address = full[1:end]
	} else if i := strings.LastIndexByte(full, ':'); i >= 0 && isPort(full[i:]) && strings.IndexByte(full[:i], ':') < 0 {
		address = full[:i]
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return full, host{}
	}
	if !ip.Is4() {
		return address, host{}
	}
	b := ip.As4()
	return address, host{ipv4: true, masked: b[0] == 198 && b[1] == 19}
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
