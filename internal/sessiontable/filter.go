package sessiontable

import (
	"context"
	"net/netip"
	"strings"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
)

// MaxSearched is the maximum number of a node's sessions that the table selects
// from where the API cannot select.
const MaxSearched = 20_000

// addressRange returns the range that Addr is, if it is one.
func (q Query) addressRange() (netip.Prefix, bool) {
	r, err := netip.ParsePrefix(q.Addr)
	if err != nil {
		return netip.Prefix{}, false
	}
	if ip := r.Addr(); ip.Is4In6() && r.Bits() >= 96 {
		r = netip.PrefixFrom(ip.Unmap(), r.Bits()-96)
	}
	return r.Masked(), true
}

// selects reports whether the query selects sessions by something that the API
// cannot select by.
func (q Query) selects() bool {
	_, ranged := q.addressRange()
	return ranged || q.User != "" || q.Name != "" || q.Command != "" || q.Group != ""
}

// matches reports whether a session is one that the query selects, by what the
// API cannot select by.
func (q Query) matches(s *dcsapi.Session) bool {
	if r, ranged := q.addressRange(); ranged {
		host, _, _ := aggregate.ParseIP(s.Addr)
		if ip, err := netip.ParseAddr(host); err != nil || !r.Contains(ip.WithZone("")) {
			return false
		}
	}
	if q.Group != "" && !like(q.Group, q.grouping.of(s)) {
		return false
	}
	return like(q.User, s.User) && like(q.Name, s.Name) && like(strings.ToLower(q.Command), strings.ToLower(s.Cmd))
}

// like reports whether a text matches a pattern, in which * stands for any text.
// The pattern "" matches every text.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == "" || pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// search reads the whole list, up to MaxSearched sessions, and selects from it.
func search(ctx context.Context, l Lister, t *fleet.Target, node dcsapi.Node, q Query) (*Page, error) {
	whole := q
	whole.User, whole.Name, whole.Command, whole.Group, whole.Offset, whole.Limit = "", "", "", "", 0, MaxSearched
	if _, ranged := q.addressRange(); ranged {
		whole.Addr = ""
	}
	p, err := readPages(ctx, l, t, node, whole)
	if err != nil {
		return nil, err
	}
	p.Searched, p.Cut = len(p.Sessions), p.Count > int64(len(p.Sessions)) && len(p.Sessions) == MaxSearched
	var found []dcsapi.Session
	for i := range p.Sessions {
		if q.matches(&p.Sessions[i]) {
			found = append(found, p.Sessions[i])
		}
	}
	q.Instance, q.Node = p.Instance, p.Node
	p.Query, p.Count, p.Sessions = q, int64(len(found)), part(found, q)
	return p, nil
}

// part returns the part of a list that a query asks for.
func part[T any](list []T, q Query) []T {
	from := min(q.Offset, len(list))
	return list[from:min(from+q.Limit, len(list))]
}

// Selection describes which sessions the query selects, as the end of a
// sentence; "" for all.
func (q Query) Selection() string {
	text := ""
	add := func(word, value string) {
		if value != "" {
			text += " " + word + " " + printable.Text(value)
		}
	}
	add("from", q.Addr)
	add("with user", q.User)
	add("with name", q.Name)
	add("with command", q.Command)
	add("of group", q.Group)
	return text
}
