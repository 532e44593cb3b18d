package aggregate

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Ungrouped is the group of the sessions that no rule matches.
const Ungrouped = "ungrouped"

// GroupRule puts sessions into a group. All conditions that it has must hold.
type GroupRule struct {
	Group string
	CIDRs []netip.Prefix // one of them contains the client's address, which must be an IP address; empty for any
	Users []string       // one of them is the ACL user, exactly; empty for any
	Names *regexp.Regexp // matches a part of the client name (CLIENT SETNAME); nil for any
}

// Groups decide which group a session belongs to: that of the first rule that
// matches it, else Ungrouped. It is made by NewGroups, and is safe for concurrent
// use.
type Groups struct {
	rules  []GroupRule
	number []int32  // of each rule's group in names
	names  []string // distinct, by first rule; Ungrouped comes last
	byName bool     // a rule has Names
	index  groupIndex
}

// NewGroups returns groups by rules, which must not be modified afterwards. It
// returns nil without rules: the methods must not be called then.
func NewGroups(rules []GroupRule) *Groups {
	if len(rules) == 0 {
		return nil
	}
	g := &Groups{rules: rules}
	for _, r := range rules {
		k := slices.Index(g.names, r.Group)
		if k < 0 {
			k = len(g.names)
			g.names = append(g.names, r.Group)
		}
		g.number = append(g.number, int32(k))
		g.byName = g.byName || r.Names != nil
	}
	g.names = append(g.names, Ungrouped)
	g.index = newGroupIndex(rules)
	return g
}

// Names returns the groups in the order of their first rules, each once, and
// Ungrouped at the end. The caller must not modify the slice.
func (g *Groups) Names() []string { return g.names }

// Of returns the group of a session with a client address, with or without its port,
// a user and a name.
func (g *Groups) Of(address, user, name string) string {
	return g.names[g.match(hostOf(address), user, func(k int) bool { return g.rules[k].Names.MatchString(name) })]
}

// hostOf returns the IP address of a client, the zero Addr if it has none.
func hostOf(address string) netip.Addr { return parseAddress(address).ip.WithZone("") }

// hostText returns an address without its port where that is plain to see, so that
// hostOf is the same for both.
func hostText(address string) string {
	i := strings.LastIndexByte(address, ':')
	if i <= 0 || !isPort(address[i:]) || isPath(address) {
		return address
	}
	host := address[:i]
	if strings.IndexByte(host, ':') >= 0 && (host[0] != '[' || host[i-1] != ']') {
		return address // an IPv6 address may have no port
	}
	return host
}

// match returns the number of the group of a session. named reports whether the
// session's name matches a rule that has Names.
func (g *Groups) match(ip netip.Addr, user string, named func(k int) bool) int32 {
	for k := range g.index.candidates(ip, user) {
		if g.rules[k].Names == nil || named(k) {
			return g.number[k]
		}
	}
	return int32(len(g.names)) - 1
}

// GroupStats holds the totals of a group's sessions.
type GroupStats struct {
	Group        string
	Sessions     int64
	IdleLong     Sum // as in UserStats
	QueryBuffer  Sum // bytes
	OutputMemory Sum // bytes
}

// add adds up the statistics of two groups.
func (s *GroupStats) add(o *GroupStats) {
	s.Sessions += o.Sessions
	s.IdleLong.add(o.IdleLong)
	s.QueryBuffer.add(o.QueryBuffer)
	s.OutputMemory.add(o.OutputMemory)
}
