package aggregate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Other is the value into which a dimension's values beyond its limit are
// folded. A real value of this name joins them.
const Other = "other"

// foldValues keeps the limit values with the most sessions, and those that hold
// their places, adds the rest up in Other, and returns them by value, with the
// number of those folded. held may be nil.
func foldValues(counts []ValueCount, limit int, held *incumbents[string], hold time.Duration, now time.Time) ([]ValueCount, int) {
	slices.SortFunc(counts, func(a, b ValueCount) int {
		return cmp.Or(
			cmp.Compare(isOther(a.Value), isOther(b.Value)), // a real one joins the fold
			cmp.Compare(b.Sessions, a.Sessions),
			strings.Compare(a.Value, b.Value),
		)
	})
	places := len(counts)
	if places > 0 && counts[places-1].Value == Other {
		places--
	}
	folded := max(places-limit, 0)
	if held != nil {
		selectTop(held, counts[:places], limit,
			func(c ValueCount) string { return c.Value }, func(c ValueCount) int64 { return c.Sessions }, hold, now)
	}
	kept := slices.Clone(counts[:places-folded])
	if rest := counts[places-folded:]; len(rest) > 0 {
		other := ValueCount{Value: Other}
		for _, c := range rest {
			other.Sessions += c.Sessions
		}
		kept = append(kept, other)
	}
	slices.SortFunc(kept, func(a, b ValueCount) int { return strings.Compare(a.Value, b.Value) })
	return kept, folded
}

// isOther is 1 for Other, so that it sorts last.
func isOther(value string) int {
	if value == Other {
		return 1
	}
	return 0
}

// foldUsers sets the result's users and returns the name under which each user
// goes from now on, by index.
func (a *Aggregator) foldUsers(top *TopLists, now time.Time) []string {
	counts := make([]ValueCount, len(a.user))
	for i, u := range a.user {
		counts[i] = ValueCount{u.User, u.Sessions}
	}
	kept, _ := foldValues(counts, a.o.Limits.Users, &top.users, a.o.Limits.Hold, now)
	position := make(map[string]int, len(kept))
	for i, k := range kept {
		position[k.Value] = i
		a.result.Users = append(a.result.Users, UserStats{User: k.Value})
	}
	names := make([]string, len(a.user))
	for i := range a.user {
		name := a.user[i].User
		if _, ok := position[name]; !ok {
			name = Other
		}
		names[i] = name
		a.result.Users[position[name]].add(&a.user[i])
	}
	return names
}

// add adds up the statistics of two users.
func (u *UserStats) add(o *UserStats) {
	u.Sessions += o.Sessions
	u.Replication += o.Replication
	u.IdleLong.add(o.IdleLong)
	u.Active.add(o.Active)
	u.Age.add(&o.Age)
	u.Idle.add(&o.Idle)
}

// foldedCount returns how many values go under another name.
func foldedCount(names, values []string) int {
	n := 0
	for i, name := range names {
		if name != values[i] {
			n++
		}
	}
	return n
}

// foldGroups returns the groups that have sessions, and Ungrouped, by name: limit of
// them at most, those with the most sessions, and the others added up in Other. It
// returns how many those are.
func (t *groupTally) foldGroups(limit int) ([]GroupStats, int) {
	last := len(t.names) - 1
	var all []GroupStats
	for k, s := range t.stats[:last] {
		if s.Group = t.names[k]; s.Sessions > 0 {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b GroupStats) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), strings.Compare(a.Group, b.Group))
	})
	folded := max(len(all)-limit, 0)
	kept := slices.Clone(all[:len(all)-folded])
	if folded > 0 {
		other := GroupStats{Group: Other}
		for k := range all[len(all)-folded:] {
			other.add(&all[len(all)-folded+k])
		}
		kept = append(kept, other)
	}
	ungrouped := t.stats[last]
	ungrouped.Group = Ungrouped
	kept = append(kept, ungrouped)
	slices.SortFunc(kept, func(a, b GroupStats) int { return strings.Compare(a.Group, b.Group) })
	return kept, folded
}
