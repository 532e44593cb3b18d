package aggregate

import (
	"strings"
)

// groupTally adds sessions up by group. As far as memory allows, it matches each
// combination of host, user and name once, and each name against a rule once.
type groupTally struct {
	*Groups
	stats    []GroupStats // by number
	hosts    map[groupHost]*groupMemo
	known    map[groupKey]int32
	byText   map[string]*nameMatches // by name
	maxNames int
}

// groupMemo is the group of the sessions of a host and a user that have a name. The
// zero value has none.
type groupMemo struct {
	set   bool
	group int32
	name  string
}

// groupHost is a host as it is written, and a user by its index.
type groupHost struct {
	host string
	user int32
}

// groupKey is what a session's group depends on.
type groupKey struct{ host, user, name string }

// nameMatches are the rules that a name was matched against, and those that it
// matches.
type nameMatches struct{ tried, holds ruleSet }

const (
	// mostGroupKeys bounds groupTally.hosts and groupTally.known.
	mostGroupKeys = 20_000
	// mostNameWords bounds groupTally.byText, in words of its sets.
	mostNameWords = 1 << 18
)

func newGroupTally(g *Groups) *groupTally {
	if g == nil {
		return nil
	}
	return &groupTally{
		Groups: g, stats: make([]GroupStats, len(g.names)),
		hosts: make(map[groupHost]*groupMemo), known: make(map[groupKey]int32), byText: make(map[string]*nameMatches),
		maxNames: mostNameWords / (2 * len(g.index.anyUser)),
	}
}

// memo returns what is remembered of a host and a user, nil if there are too many.
func (t *groupTally) memo(host string, user int32) *groupMemo {
	key := groupHost{host, user}
	m := t.hosts[key]
	if m == nil && len(t.hosts) < mostGroupKeys {
		key.host = strings.Clone(host)
		m = new(groupMemo)
		t.hosts[key] = m
	}
	return m
}

// of returns the statistics of the group that a session belongs to. m is what is
// remembered of its host and user, nil for nothing.
func (t *groupTally) of(m *groupMemo, host, user, name string) *GroupStats {
	switch {
	case m == nil, m.set && t.byName && m.name != name:
		return &t.stats[t.lookUp(host, user, name)]
	case !m.set:
		m.set, m.group, m.name = true, t.find(host, user, name), strings.Clone(name)
	}
	return &t.stats[m.group]
}

// lookUp returns the number of the group of a session, from memory if it is there.
func (t *groupTally) lookUp(host, user, name string) int32 {
	if !t.byName {
		name = ""
	}
	n, ok := t.known[groupKey{host, user, name}]
	if !ok {
		n = t.find(host, user, name)
		if len(t.known) < mostGroupKeys {
			t.known[groupKey{strings.Clone(host), strings.Clone(user), strings.Clone(name)}] = n
		}
	}
	return n
}

// find returns the number of the group of a session.
func (t *groupTally) find(host, user, name string) int32 {
	return t.match(hostOf(host), user, func(k int) bool { return t.named(k, name) })
}

// named reports whether a name matches a rule, from memory if it was matched before.
func (t *groupTally) named(k int, name string) bool {
	m := t.byText[name]
	if m == nil {
		if len(t.byText) >= t.maxNames {
			return t.rules[k].Names.MatchString(name)
		}
		m = &nameMatches{newRuleSet(len(t.rules)), newRuleSet(len(t.rules))}
		t.byText[strings.Clone(name)] = m
	}
	if !m.tried.has(k) {
		m.tried.add(k)
		if t.rules[k].Names.MatchString(name) {
			m.holds.add(k)
		}
	}
	return m.holds.has(k)
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
