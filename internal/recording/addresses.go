package recording

import (
	"net/netip"
	"slices"
	"strings"
)

// address is the address of a client or node, in one of the forms that the API
// uses: with or without a port, IPv6 with or without brackets.
type address struct {
	ip       netip.Addr
	port     string // with its colon
	brackets bool
}

// parseAddress parses an address. ok is false if the text is none.
func parseAddress(text string) (a address, ok bool) {
	text = strings.TrimSpace(text)
	if ip, err := netip.ParseAddr(text); err == nil {
		return address{ip: ip.WithZone("")}, true
	}
	host := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && (smallNumber.MatchString(text[i+1:]) || text[i+1:] == "*") {
		host, a.port = text[:i], text[i:]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host, a.brackets = host[1:len(host)-1], true
	}
	ip, err := netip.ParseAddr(host)
	a.ip = ip.WithZone("")
	return a, err == nil
}

func (a address) String() string {
	if a.brackets {
		return "[" + a.ip.String() + "]" + a.port
	}
	return a.ip.String() + a.port
}

// masked is the network of the addresses that hide clients' own.
var masked = netip.MustParsePrefix("198.19.0.0/16")

// networks replaces addresses so that two replacements share a /16, /24, /48 or /64
// network if and only if the originals do.
type networks struct {
	taken map[string]bool   // IPv4 prefixes of originals, of 2 or 3 bytes
	made  map[string][]byte // replacements, by what they replace
	used  map[string]bool   // replacements
	block int               // of 256 networks, from which the next is taken
}

func newNetworks() networks {
	return networks{taken: make(map[string]bool), made: make(map[string][]byte), used: make(map[string]bool)}
}

// note records that an address is an original: no replacement will be in its
// IPv4 /16, or in its /24 if it is masked and there are others left.
func (n *networks) note(ip netip.Addr) {
	if ip = ip.Unmap(); ip.Is4() {
		b := ip.As4()
		n.taken[string(b[:2])] = true
		n.taken[string(b[:3])] = true
	}
}

// alias returns the replacement of an address. Those that mean the machine itself
// or no address stay.
func (n *networks) alias(ip netip.Addr) netip.Addr {
	switch {
	case ip.IsLoopback(), ip.IsUnspecified():
		return ip
	case ip.Is4In6():
		return netip.AddrFrom16(n.alias(ip.Unmap()).As16())
	case masked.Contains(ip):
		b := ip.As4()
		return netip.AddrFrom4([4]byte(slices.Concat(b[:2], n.part(b[:2], b[2:3], 1), n.part(b[:3], b[3:], 1))))
	case ip.Is4():
		b := ip.As4()
		return netip.AddrFrom4([4]byte(slices.Concat(n.net16(b[:2]), n.part(b[:2], b[2:3], 1), n.part(b[:3], b[3:], 1))))
	default:
		b := ip.As16()
		return netip.AddrFrom16([16]byte(slices.Concat([]byte{0xfd}, n.part(nil, b[:6], 5), n.part(b[:6], b[6:8], 2), n.part(b[:8], b[8:], 8))))
	}
}

// net16 returns the replacement of the first two octets: within 10.0.0.0/8 as long
// as there are any left, and a network of the originals only if all are.
func (n *networks) net16(prefix []byte) []byte {
	key := "16/" + string(prefix)
	if out, ok := n.made[key]; ok {
		return out
	}
	for ; ; n.block++ { // 2 × 256 blocks are more than there are originals
		first := byte(10 + n.block)
		if first == 127 {
			continue
		}
		for _, second := range permutation() {
			out := []byte{first, second}
			if first == 198 && second == 19 || n.used[string(out)] || (n.taken[string(out)] && n.block < 256) {
				continue
			}
			n.used[string(out)] = true
			n.made[key] = out
			return out
		}
	}
}

// part returns the replacement of a part of addresses, which has size bytes: of the
// site, the subnet or the interface. Within what is before it, different parts
// have different replacements.
func (n *networks) part(before, part []byte, size int) []byte {
	space := string(before) + "/"
	if out, ok := n.made[space+string(part)]; ok {
		return out
	}
	for try := 0; ; try++ {
		out := randomBytes(size)
		if n.used[space+string(out)] || (try < 2000 && n.taken[string(before)+string(out)]) {
			continue
		}
		n.used[space+string(out)] = true
		n.made[space+string(part)] = out
		return out
	}
}

// permutation returns all octets in random order.
func permutation() []byte {
	out := make([]byte, 256)
	for i := range out {
		out[i] = byte(i)
	}
	for i, r := range randomBytes(256) {
		j := int(r) % (i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}
