package config

import (
	"net/netip"
	"slices"
)

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
