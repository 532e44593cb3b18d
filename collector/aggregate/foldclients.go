package aggregate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// mergeClients returns the clients under the names that their users go by.
func (a *Aggregator) mergeClients(names []string) []*ClientStats {
	merged := make([]*ClientStats, 0, a.distinct)
	for address, host := range a.hosts {
		var other *ClientStats // of the users that have become Other
		for c := range host.clients() {
			name := names[c.user]
			if name == Other && other != nil {
				other.add(&c.ClientStats)
				continue
			}
			if name == Other {
				other = &c.ClientStats
			}
			c.User, c.Address = name, a.addrs.values[address]
			merged = append(merged, &c.ClientStats)
		}
	}
	return merged
}

// foldClients gives half of the limit's places to the clients with the most
// sessions, the rest to those with the most bytes, each with those that hold
// their places, and adds the others up per user under the address Other. It
// returns them by address and user, with the number of those folded.
func foldClients(clients []*ClientStats, limit int, top *TopLists, hold time.Duration, now time.Time) ([]ClientStats, int) {
	heaviestFirst(clients, func(c *ClientStats) int64 {
		if c.Address == Other {
			return -1 // last: they join the fold
		}
		return c.Sessions
	}, byLabels)
	places := len(clients)
	for places > 0 && clients[places-1].Address == Other {
		places--
	}
	folded := max(places-limit, 0)
	id := func(c *ClientStats) clientID { return clientID{c.User, c.Address} }
	half := min((limit+1)/2, places)
	selectTop(&top.bySessions, clients[:places], half, id, func(c *ClientStats) int64 { return c.Sessions }, hold, now)
	rest := clients[half:places]
	heaviestFirst(rest, (*ClientStats).bytes, nil)
	selectTop(&top.byBytes, rest, limit-half, id, (*ClientStats).bytes, hold, now)
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

// heaviestFirst sorts clients by weight, and those of equal weight by another order.
// If that is nil, they keep the order that they are in.
func heaviestFirst(clients []*ClientStats, weight func(*ClientStats) int64, tied func(a, b *ClientStats) int) {
	type weighted struct {
		client *ClientStats
		weight int64 // here, so that comparisons rarely have to read the client
		at     int   // before sorting
	}
	all := make([]weighted, len(clients))
	for i, c := range clients {
		all[i] = weighted{c, weight(c), i}
	}
	slices.SortFunc(all, func(a, b weighted) int {
		switch c := cmp.Compare(b.weight, a.weight); {
		case c != 0:
			return c
		case tied == nil:
			return cmp.Compare(a.at, b.at)
		default:
			return tied(a.client, b.client)
		}
	})
	for i, w := range all {
		clients[i] = w.client
	}
}

// byLabels puts clients in the order of the exposition: by the values of their
// labels, which are in the order of their names.
func byLabels(a, b *ClientStats) int {
	if c := strings.Compare(a.Address, b.Address); c != 0 {
		return c
	}
	return strings.Compare(a.User, b.User)
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
