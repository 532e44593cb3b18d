package config

import (
	"net/netip"
	"regexp"
	"slices"
)

// ClientGroup is a rule that puts sessions into a group. All conditions that it has
// must hold; the first rule that matches a session decides.
type ClientGroup struct {
	Group string
	CIDRs []netip.Prefix // of the client's address; empty for any
	Users []string       // empty for any
	Names *regexp.Regexp // of the client name; nil for any
}

// maxGroups is the maximum number of rules.
const maxGroups = 10_000

// reservedGroups are group names with a meaning of their own.
var reservedGroups = []string{"ungrouped", "other"}

// clientGroups decodes the rules.
func (d *decoder) clientGroups(v value) []ClientGroup {
	if n := len(v.node.Content); n > maxGroups {
		v.problem("has %d rules: at most %d are possible", n, maxGroups)
		return nil
	}
	var out []ClientGroup
	earlier := rules{byNetwork: make(map[netip.Prefix][]*rule)}
	v.sequence(func(e value) {
		if e.null() {
			e.problem("is empty: a rule needs a group, and cidrs, users or names")
			return
		}
		var g ClientGroup
		before := len(d.found)
		if !e.mapping(fields{
			"group": func(v value) { v.group(&g.Group) },
			"cidrs": func(v value) { g.CIDRs = v.cidrs() },
			"users": func(v value) { g.Users = v.users() },
			"names": func(v value) { g.Names = v.pattern() },
		}) || len(d.found) > before {
			return
		}
		if !e.has("group") {
			e.at("group").problem("is missing: name the group, such as a team or a service")
			return
		}
		if len(g.CIDRs) == 0 && len(g.Users) == 0 && g.Names == nil {
			e.problem("has no condition: add cidrs, users or names. Sessions that no rule matches are in the group ungrouped")
			return
		}
		if first := earlier.cover(&g); first != nil {
			e.warn("never matches: the rule on line %d comes first and matches all of these sessions", first.line)
		}
		earlier.add(&rule{g, e.node.Line})
		out = append(out, g)
	})
	v.notEmpty("list rules, or remove the key")
	return out
}

// group decodes the name of a group.
func (v value) group(to *string) {
	if v.text(to); slices.Contains(reservedGroups, *to) {
		v.problem("%s has a meaning of its own: choose another name", v.quoted(*to))
	}
}

// cidrs decodes a list of networks. An address without a length is a network of its
// own.
func (v value) cidrs() []netip.Prefix {
	var out []netip.Prefix
	v.sequence(func(e value) {
		var text string
		if e.text(&text); text == "" {
			return
		}
		p, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); err != nil && single == nil && address.Zone() == "" {
			p, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil:
			e.problem("%s is not a network such as 10.20.0.0/16 or 2001:db8::/32", e.quoted(text))
		case p != p.Masked():
			e.problem("%s has bits beyond its length: write %s", e.quoted(text), p.Masked())
		case p.Addr().Is4In6():
			e.problem("%s is an IPv4 network written as IPv6: write it as IPv4", e.quoted(text))
		default:
			out = append(out, p)
		}
	})
	v.notEmpty("list networks, or remove the key")
	return out
}

// users decodes a list of ACL users.
func (v value) users() []string {
	var out []string
	v.sequence(func(e value) {
		if s, ok := e.scalar("a user ('' for none)"); ok {
			out = append(out, s)
		}
	})
	v.notEmpty("list users, or remove the key")
	return out
}
