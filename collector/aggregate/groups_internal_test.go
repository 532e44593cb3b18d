package aggregate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestGroupsOnce checks that sessions are matched once for each host, user and name,
// whatever the label client_address holds, and names once for each rule.
func TestGroupsOnce(t *testing.T) {
	rules := []GroupRule{{Group: "a", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/30")}, Names: regexp.MustCompile("^x")}, {Group: "b", Names: regexp.MustCompile("^y")}}
	for name, address := range map[string]AddressOptions{"hosts": {}, "ports": {IncludePort: true}, "networks": {IPv4Bits: 16, IPv6Bits: 48}} {
		a := New(&Options{Address: address, Groups: NewGroups(rules), Limits: Limits{Users: 9, Clients: 9, Groups: 9}}, strings.Clone)
		for i := range 5000 {
			a.Add(&dcsapi.Session{Addr: fmt.Sprintf([]string{"10.0.0.%d:%d", "[2001:db8::%d]:%d"}[i%2], i%10, 1000+i), User: fmt.Sprint("u", i%3), Name: []string{"x", "y"}[i%4/2]})
		}
		// 10 hosts, each with 3 users and both names.
		if g := a.groups; len(g.hosts) > 30 || len(g.known) > 30 || len(g.byText) != 2 {
			t.Errorf("%s: %d hosts, %d combinations and %d names are remembered", name, len(g.hosts), len(g.known), len(g.byText))
		}
	}
}

// TestGroupIndex compares what the index finds with a look at each rule.
func TestGroupIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		switch r.IntN(3) {
		case 0:
			return netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(3)), byte(r.IntN(4))})
		case 1:
			return netip.AddrFrom16([16]byte{0xfd, byte(r.IntN(3)), 15: byte(r.IntN(4))})
		default:
			return []netip.Addr{{}, netip.MustParseAddr("::"), netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("10.0.0.0").Prev()}[r.IntN(4)]
		}
	}
	for range 200 {
		var rules []GroupRule
		for range 1 + r.IntN(150) {
			var rule GroupRule
			for range r.IntN(3) {
				a := address()
				rule.CIDRs = append(rule.CIDRs, netip.PrefixFrom(a, r.IntN(a.BitLen()+1)))
			}
			for range r.IntN(3) {
				rule.Users = append(rule.Users, fmt.Sprint(r.IntN(5)))
			}
			rules = append(rules, rule)
		}
		x := newGroupIndex(rules)
		for range 50 {
			ip, user := address(), fmt.Sprint(r.IntN(5))
			var want []int
			for k, rule := range rules {
				if (rule.CIDRs == nil || slices.ContainsFunc(rule.CIDRs, func(p netip.Prefix) bool { return p.Contains(ip) })) && (rule.Users == nil || slices.Contains(rule.Users, user)) {
					want = append(want, k)
				}
			}
			if got := slices.Collect(x.candidates(ip, user)); !slices.Equal(got, want) {
				t.Fatalf("%s, user %s: got %v, want %v of %+v", ip, user, got, want, rules)
			}
		}
	}
}

// TestHostText checks that an address without its port is of the same host.
func TestHostText(t *testing.T) {
	for _, full := range []string{
		"", ":", ":1", "1", "10.0.0.1", "10.0.0.1:1", "10.0.0.1:1:2", "10.0.0.1:123456", "::1", "::1:6379", "[::1]", "[::1]:5", "[::1", "[::1:5", "::ffff:10.0.0.1:5",
		"[::ffff:10.0.0.1]:5", "fe80::1%eth0", "[fe80::1%eth0]:7", "[fe80::1%eth0:7", "/run/x:0", "/run/10.0.0.1:1", "host:1", "[10.0.0.1]:5", "]:5", "[]:5",
	} {
		if text := hostText(full); hostOf(text) != hostOf(full) {
			t.Errorf("%q: %q is %v, not %v", full, text, hostOf(text), hostOf(full))
		}
	}
}
