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
	return g
}

// Names returns the groups in the order of their first rules, each once, and
// Ungrouped at the end. The caller must not modify the slice.
func (g *Groups) Names() []string { return g.names }

// Of returns the group of a session with a client address, with or without its port,
// a user and a name.
func (g *Groups) Of(address, user, name string) string {
	return g.names[g.match(hostOf(address), user, name)]
}

// hostOf returns the IP address of a client, the zero Addr if it has none.
func hostOf(address string) netip.Addr { return parseAddress(address).ip.WithZone("") }

// match returns the number of the group of a session.
func (g *Groups) match(ip netip.Addr, user, name string) int32 {
	for k := range g.rules {
		r := &g.rules[k]
		if len(r.CIDRs) > 0 && !slices.ContainsFunc(r.CIDRs, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			continue
		}
		if len(r.Users) > 0 && !slices.Contains(r.Users, user) {
			continue
		}
		if r.Names != nil && !r.Names.MatchString(name) {
			continue
		}
		return g.number[k]
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

// groupTally adds sessions up by group. It matches each combination of address,
// user and name once, as far as memory allows.
type groupTally struct {
	*Groups
	stats []GroupStats // by number
	known map[groupKey]int32
}

// groupKey is what a session's group depends on.
type groupKey struct{ address, user, name string }

// mostGroupKeys bounds groupTally.known.
const mostGroupKeys = 20_000

func newGroupTally(g *Groups) *groupTally {
	if g == nil {
		return nil
	}
	return &groupTally{Groups: g, stats: make([]GroupStats, len(g.names)), known: make(map[groupKey]int32)}
}

// of returns the statistics of the group that a session of a client belongs to. same
// reports whether all sessions of the client have the same host and user, so that
// its group is that of the last one unless their names differ.
func (t *groupTally) of(c *userClient, same bool, address, user, name string) *GroupStats {
	if !same || (c.grouped && t.byName && c.name != name) {
		return &t.stats[t.lookUp(address, user, name)]
	}
	if !c.grouped {
		c.group, c.name, c.grouped = t.match(hostOf(address), user, name), strings.Clone(name), true
	}
	return &t.stats[c.group]
}

// lookUp returns the number of the group of a session, from memory if it is there.
func (t *groupTally) lookUp(address, user, name string) int32 {
	if !t.byName {
		name = ""
	}
	key := groupKey{address, user, name}
	n, ok := t.known[key]
	if !ok {
		n = t.match(hostOf(address), user, name)
		if len(t.known) < mostGroupKeys {
			t.known[groupKey{strings.Clone(address), strings.Clone(user), strings.Clone(name)}] = n
		}
	}
	return n
}

// used returns the groups that have sessions.
func (t *groupTally) used() []string {
	var used []string
	for k := range t.stats {
		if t.stats[k].Sessions > 0 {
			used = append(used, t.names[k])
		}
	}
	return used
}
