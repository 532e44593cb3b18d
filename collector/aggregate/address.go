package aggregate

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

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
	IncludePort bool          // the address with its port, not as a network

	// IPv4Bits and IPv6Bits are the lengths of the prefixes that stand for addresses,
	// such as 10.1.2.0/24 for 10.1.2.3. Without a length from 1 to 31, or to 127 for
	// IPv6, addresses stay as they are; so do masked ones (see Masked), and all with
	// IncludePort.
	IPv4Bits, IPv6Bits int
}

// byHost reports whether the label is the host alone.
func (o AddressOptions) byHost() bool { return !o.IncludePort && !o.networks() }

// networks reports whether addresses become networks.
func (o AddressOptions) networks() bool {
	return (o.IPv4Bits > 0 && o.IPv4Bits < 32) || (o.IPv6Bits > 0 && o.IPv6Bits < 128)
}

// network returns the network of an address for the label, "" if it stays as it is.
// A masked address says nothing about the client's network.
func (o AddressOptions) network(a address) string {
	bits := o.IPv4Bits
	if a.ip.Is6() {
		bits = o.IPv6Bits
	}
	if !a.ip.IsValid() || bits <= 0 || bits >= a.ip.BitLen() || a.masked() {
		return ""
	}
	p, err := a.ip.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// hostTraits are what is known of the host of an address.
type hostTraits struct {
	plain  bool // a text that became the label stands for it with a port behind it too
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
func (o AddressOptions) of(full string) (label string, h hostTraits) {
	a := parseAddress(full)
	h.masked = a.masked()
	if o.IncludePort {
		return a.withPort(full), h
	}
	if network := o.network(a); network != "" {
		h.plain = true
		return network, h
	}
	h.plain = strings.IndexByte(a.host, ':') < 0 && !isPath(a.host) && !strings.HasPrefix(a.host, "[")
	return a.host, h
}

// Masked reports whether a session's client address, from the field that o.Source
// names, is in 198.19.0.0/16: the address of a VPC endpoint, which hides the
// client's own.
func (o AddressOptions) Masked(s *dcsapi.Session) bool {
	return parseAddress(o.field(s)).masked()
}

// ParseIP parses an IP address with or without a port. ip is the address as the
// label client_address has it where neither ports nor networks are asked for:
// canonical, without brackets, IPv4 within IPv6 as IPv4. withPort is the same with
// the port, an IPv6 address in brackets; without a port it is ip. ok is false for
// anything else, such as a host name or a port above 65535.
func ParseIP(address string) (ip, withPort string, ok bool) {
	a := parseAddress(address)
	if _, err := strconv.ParseUint(a.port, 10, 16); !a.ip.IsValid() || a.ports > 1 || (a.ports == 1 && err != nil) {
		return "", "", false
	}
	return a.host, a.withPort(address), true
}

// address is an address taken apart.
type address struct {
	host  string     // for the label
	port  string     // the last one that was cut off
	ports int        // how many were cut off
	ip    netip.Addr // the host; the zero Addr if it is no IP address
}

// parseAddress takes an address apart. The host is what precedes the port:
//
//   - An IP address is written without brackets and in its canonical form,
//     IPv4 within IPv6 (::ffff:10.0.0.1) as IPv4. Where the whole can be read as
//     an IPv6 address without a port, it is one: ::1:6379 has no port.
//   - The path of a Unix socket stays as it is, with the :0 that Redis appends.
//   - Whatever else there is, such as a host name, ends before the port.
//
// The host of a host is itself.
func parseAddress(full string) address {
	a := address{host: full}
	for !isPath(full) {
		colon := strings.LastIndexByte(a.host, ':')
		ported := colon >= 0 && isPort(a.host[colon:]) && !isOpen(a.host)
		// One colon makes no IPv6 address.
		if !ported || strings.IndexByte(a.host[:colon], ':') >= 0 {
			if ip, ok := parseHost(a.host); ok {
				a.ip, a.host = ip, canonical(ip, a.host)
				break
			}
		}
		switch {
		case ported:
			a.host, a.port = a.host[:colon], a.host[colon+1:]
			a.ports++
		case len(a.host) > maxLabelValue:
			a.host = cutLabel(a.host) // here, since that may leave a port at the end
		case !utf8.ValidString(a.host):
			a.host = strings.ToValidUTF8(a.host, "\uFFFD") // likewise
		default:
			return a
		}
	}
	return a
}

// parseHost reads an IP address, in brackets or not.
func parseHost(s string) (netip.Addr, bool) {
	if len(s) > maxLabelValue {
		return netip.Addr{}, false
	}
	if strings.HasPrefix(s, "[") {
		if !strings.HasSuffix(s, "]") {
			return netip.Addr{}, false
		}
		s = s[1 : len(s)-1]
	}
	ip, err := netip.ParseAddr(s)
	// netip takes all that follows % for the zone, a port too.
	if err != nil || strings.IndexByte(ip.Zone(), ':') >= 0 {
		return netip.Addr{}, false
	}
	return ip.Unmap(), true
}

// canonical writes an address, which was read from s.
func canonical(ip netip.Addr, s string) string {
	var buf [64]byte
	if b := ip.AppendTo(buf[:0]); string(b) != s {
		return string(b)
	}
	return s
}

// masked reports whether the address is in 198.19.0.0/16: a VPC endpoint's
// address, which hides the client's.
func (a address) masked() bool {
	if !a.ip.Is4() {
		return false
	}
	b := a.ip.As4()
	return b[0] == 198 && b[1] == 19
}

// withPort returns an address with its port, if it has one: IP addresses in
// their canonical form, IPv6 in brackets; others as they are in full.
func (a address) withPort(full string) string {
	switch {
	case !a.ip.IsValid() || a.ports > 1:
		return full
	case a.ports == 0:
		return a.host
	case len(full) == len(a.host)+1+len(a.port) && strings.HasPrefix(full, a.host) && a.ip.Is4():
		return full
	default:
		return net.JoinHostPort(a.host, a.port)
	}
}

// isPath reports whether an address is the path of a Unix socket.
func isPath(s string) bool { return strings.HasPrefix(s, "/") }

// isOpen reports whether an address breaks off within brackets.
func isOpen(s string) bool { return strings.HasPrefix(s, "[") && strings.IndexByte(s, ']') < 0 }

// isPort reports whether s is a colon and at most five digits.
func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
