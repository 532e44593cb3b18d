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

// Dimension is something that sessions are counted by within a limit.
type Dimension string

// The dimensions.
const (
	Users     Dimension = "users"
	Clients   Dimension = "clients" // pairs of user and client address
	Commands  Dimension = "commands"
	Databases Dimension = "databases"
	Names     Dimension = "names"
	Networks  Dimension = "networks"
	GroupsOf  Dimension = "groups" // of clients
)

// Limits are the numbers of distinct values per node that stay apart; Other
// comes on top. 0 turns a family off, but for users, where it folds all into
// Other.
type Limits struct {
	Users, Clients, Commands, Databases, Names, Networks, Groups int

	// Hold is how long users, clients, commands and names keep their place
	// after they were last among the heaviest, 0 for not at all.
	Hold time.Duration
}

// foldValues keeps the limit values with the most sessions, and those that hold
// their places, adds the rest up in Other, and returns them by value, with the
// number of those folded. held may be nil.
func foldValues(counts []ValueCount, limit int, held *members[string], hold time.Duration, now time.Time) ([]ValueCount, int) {
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
		choose(held, counts[:places], limit,
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

// mergeClients returns the clients under the names that their users go by.
func (a *Aggregator) mergeClients(names []string) []*ClientStats {
	merged := make([]*ClientStats, 0, a.distinct)
	for address, clients := range a.clients {
		var other *ClientStats // of the users that have become Other
		for _, c := range clients {
			name := names[c.user]
			if name == Other && other != nil {
				other.add(c.stats)
				continue
			}
			if name == Other {
				other = c.stats
			}
			c.stats.User, c.stats.Address = name, a.addrs.values[address]
			merged = append(merged, c.stats)
		}
	}
	return merged
}

// add adds up the statistics of two clients.
func (c *ClientStats) add(o *ClientStats) {
	c.Sessions += o.Sessions
	c.Replication += o.Replication
	c.Active.add(o.Active)
	c.QueryBuffer.add(o.QueryBuffer)
	c.OutputMemory.add(o.OutputMemory)
}

// bytes is the memory that a client's sessions hold.
func (c *ClientStats) bytes() int64 {
	both := c.OutputMemory
	both.add(c.QueryBuffer)
	return both.Total
}

// bySessions puts the clients with the most sessions first, and those with the
// address Other last: they join the fold.
func bySessions(a, b *ClientStats) int {
	if c := cmp.Compare(isOther(a.Address), isOther(b.Address)); c != 0 {
		return c
	}
	if c := cmp.Compare(b.Sessions, a.Sessions); c != 0 {
		return c
	}
	return byLabels(a, b)
}

// byBytes puts the clients with the most memory first.
func byBytes(a, b *ClientStats) int {
	if c := cmp.Compare(b.bytes(), a.bytes()); c != 0 {
		return c
	}
	return bySessions(a, b)
}

// byLabels puts clients in the order of the exposition: by the values of their
// labels, which are in the order of their names.
func byLabels(a, b *ClientStats) int {
	if c := strings.Compare(a.Address, b.Address); c != 0 {
		return c
	}
	return strings.Compare(a.User, b.User)
}

// foldClients gives half of the limit's places to the clients with the most
// sessions, the rest to those with the most bytes, each with those that hold
// their places, and adds the others up per user under the address Other. It
// returns them by address and user, with the number of those folded.
func foldClients(clients []*ClientStats, limit int, top *TopLists, hold time.Duration, now time.Time) ([]ClientStats, int) {
	slices.SortFunc(clients, bySessions)
	places := len(clients)
	for places > 0 && clients[places-1].Address == Other {
		places--
	}
	folded := max(places-limit, 0)
	id := func(c *ClientStats) clientID { return clientID{c.User, c.Address} }
	half := min((limit+1)/2, places)
	choose(&top.bySessions, clients[:places], half, id, func(c *ClientStats) int64 { return c.Sessions }, hold, now)
	rest := clients[half:places]
	slices.SortFunc(rest, byBytes)
	choose(&top.byBytes, rest, limit-half, id, (*ClientStats).bytes, hold, now)
	kept := slices.Clone(clients[:places-folded])
	others := make(map[string]*ClientStats) // by user
	for _, c := range clients[places-folded:] {
		other := others[c.User]
		if other == nil {
			other = &ClientStats{User: c.User, Address: Other}
			others[c.User] = other
			kept = append(kept, other)
		}
		other.add(c)
	}
	slices.SortFunc(kept, byLabels)
	out := make([]ClientStats, len(kept))
	for i, c := range kept {
		out[i] = *c
	}
	return out, folded
}
