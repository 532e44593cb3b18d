package config

import (
	"net/netip"
	"slices"
)

// rule is a rule of client_groups and the line that it is on.
type rule struct {
	ClientGroup
	line int
}

// rules finds the rule that decides before another one can.
type rules struct {
	anyNetwork []*rule
	byNetwork  map[netip.Prefix][]*rule
}

// add adds a rule that comes after those before.
func (r *rules) add(next *rule) {
	if len(next.CIDRs) == 0 {
		r.anyNetwork = append(r.anyNetwork, next)
	}
	for _, p := range next.CIDRs {
		r.byNetwork[p] = append(r.byNetwork[p], next)
	}
}

// cover returns a rule that matches all sessions that g matches, nil if no single
// one does.
func (r *rules) cover(g *ClientGroup) *rule {
	covers := func(e *rule) bool { return e.covers(g) }
	if k := slices.IndexFunc(r.anyNetwork, covers); k >= 0 {
		return r.anyNetwork[k]
	}
	if len(g.CIDRs) == 0 {
		return nil
	}
	for bits := range g.CIDRs[0].Bits() + 1 {
		wider, _ := g.CIDRs[0].Addr().Prefix(bits) // bits is within its length
		if k := slices.IndexFunc(r.byNetwork[wider], covers); k >= 0 {
			return r.byNetwork[wider][k]
		}
	}
	return nil
}

// covers reports whether a rule matches all sessions that o matches. Expressions for
// names are compared as texts.
func (g *ClientGroup) covers(o *ClientGroup) bool {
	return eachWithin(g.CIDRs, o.CIDRs, func(wide, p netip.Prefix) bool { return wide.Bits() <= p.Bits() && wide.Contains(p.Addr()) }) &&
		eachWithin(g.Users, o.Users, func(a, b string) bool { return a == b }) &&
		(g.Names == nil || (o.Names != nil && g.Names.String() == o.Names.String()))
}

// eachWithin reports whether each of narrow is in one of wide. An empty list stands
// for any.
func eachWithin[T any](wide, narrow []T, in func(wide, narrow T) bool) bool {
	if len(wide) == 0 || len(narrow) == 0 {
		return len(wide) == 0
	}
	return !slices.ContainsFunc(narrow, func(n T) bool {
		return !slices.ContainsFunc(wide, func(w T) bool { return in(w, n) })
	})
}
