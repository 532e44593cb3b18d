// Package aggregate turns the sessions of a node into numbers: totals, top lists
// within limits, distributions and churn.
//
// It is pure. It does no I/O, reads no clock and knows nothing of Prometheus;
// whatever it needs from outside, such as the time, is passed to it. Sums are
// conserved: what exceeds a limit is counted under the value Other. Memory is
// bounded whatever the list contains.
//
// Source files: aggregate.go adds sessions up into the Snapshot of snapshot.go,
// with address.go and clients.go (addresses, and the users that come from them),
// flags.go and class.go (flags and classes of clients), groups.go, groupindex.go and
// grouptally.go (client groups) and histogram.go (distributions). interner.go keeps
// each distinct value once. fold.go and foldclients.go keep within limits.go, where
// toplists.go remembers what stands on its own. churn.go compares one list with the
// next, sessionset.go is the set of a list's sessions, and rising.go has those sets
// whose ids rise.
package aggregate

import (
	"math/bits"
	"strings"
	"time"

	"dcs_session_exporter/dcsapi"
)

// Options configure how sessions are added up. IdleThreshold and ActiveBelow are
// truncated to whole seconds, in which the API states times.
type Options struct {
	AgeBuckets    []float64     // upper bounds in seconds, above 0 and rising
	IdleBuckets   []float64     // likewise
	IdleThreshold time.Duration // sessions idle for longer count as UserStats.IdleLong
	ActiveBelow   time.Duration // sessions idle for less are active; below 1s none is
	Address       AddressOptions
	Groups        *Groups // nil for none
	Limits        Limits
}

// maxLabelValue is how many bytes of a value a label holds; longer values are
// cut.
const maxLabelValue = 256

// Aggregator adds up the sessions of one list. It is made by New and is not safe
// for concurrent use.
type Aggregator struct {
	o       *Options
	idleMin int64
	active  int64 // ActiveBelow, in seconds
	timeout int64 // Snapshot.Timeout, in seconds
	// The upper bounds of classic buckets, in whole seconds.
	ageBounds, idleBounds []int64

	result      *Snapshot // by itself: it outlives the aggregator
	users       interner
	user        []UserStats // by index in users
	addrs       interner
	hosts       []host       // by index in addrs
	distinct    int          // clients of all addresses
	spare       []userClient // allocated together, for clients to come
	mostClients int

	commands, databases, names, networks tally

	groups *groupTally // nil for none
}

// New returns an Aggregator without sessions. o must not be modified while it is
// in use. redact returns a value without secrets: values are untrusted input, and a
// server can write the key that it was sent into them. It is called for each
// distinct value, and again only for values that are too long or too many to be
// remembered.
func New(o *Options, redact func(string) string) *Aggregator {
	l := o.Limits
	mostClients := max(mostHosts, perLimit*l.Clients)
	return &Aggregator{
		o: o, result: new(Snapshot), idleMin: int64(o.IdleThreshold / time.Second), active: int64(o.ActiveBelow / time.Second),
		groups:    newGroupTally(o.Groups),
		ageBounds: wholeBounds(o.AgeBuckets), idleBounds: wholeBounds(o.IdleBuckets),
		users: newInterner(redact, max(mostUsers, perLimit*l.Users)), addrs: newInterner(redact, mostClients),
		mostClients: mostClients,
		commands:    newTally(redact, max(mostOthers, perLimit*l.Commands)), databases: newTally(redact, max(mostOthers, perLimit*l.Databases)),
		names: newTally(redact, max(mostNames, perLimit*l.Names)), networks: newTally(redact, max(mostOthers, perLimit*l.Networks)),
	}
}

// SetTimeout sets Snapshot.Timeout, the idle timeout of the server. Sessions are
// counted in Snapshot.BeyondTimeout if it is at least 1s; fractions of a second are
// ignored. Without SetTimeout there is none. It must be called before Add.
func (a *Aggregator) SetTimeout(timeout time.Duration) {
	a.result.Timeout, a.timeout = timeout, int64(timeout/time.Second)
}

// Add adds one session. It does not retain s or memory of its strings.
func (a *Aggregator) Add(s *dcsapi.Session) {
	r := a.result
	r.Sessions++

	flags := parseFlags(s.Flags)
	for rest := flags; rest != 0; rest &= rest - 1 {
		r.flags[bits.TrailingZeros32(uint32(rest))]++
	}
	if strings.IndexByte(s.Events, 'w') >= 0 {
		r.WritePending++
	}

	u := a.users.index(s.User)
	if int(u) == len(a.user) {
		a.user = append(a.user, UserStats{User: a.users.values[u]})
	}
	user := &a.user[u]
	user.Sessions++
	if s.Present.Has(dcsapi.HasAge) && s.Age >= 0 {
		user.Age.observe(s.Age, a.ageBounds)
	}
	hasIdle := s.Present.Has(dcsapi.HasIdle) && s.Idle >= 0
	if hasIdle {
		user.Idle.observe(s.Idle, a.idleBounds)
	}
	link := boolToInt(flags.replicates(s.User))
	user.Replication += link
	closable := !flags.waits() && link == 0
	idle, active := boolToInt(s.Idle > a.idleMin && closable), boolToInt(s.Idle < a.active)
	user.IdleLong.observe(idle, hasIdle)
	user.Active.observe(active, hasIdle)
	if a.timeout > 0 {
		r.BeyondTimeout.observe(boolToInt(s.Idle > a.timeout && closable), hasIdle)
	}
	class := &r.ByClass[flags.class()]
	class.Sessions++
	class.OutputMemory.observe(s.OMem, s.Present.Has(dcsapi.HasOMem))

	full := a.o.Address.field(s)
	address, masked := a.address(full)
	if masked {
		r.Masked++
	}
	client := a.client(u, address)
	client.Sessions++
	client.Active.observe(active, hasIdle)
	client.Replication += link
	client.QueryBuffer.observe(s.QBuf, s.Present.Has(dcsapi.HasQBuf))
	client.OutputMemory.observe(s.OMem, s.Present.Has(dcsapi.HasOMem))
	if a.groups != nil {
		var memo *groupMemo
		label, oneUser := a.addrs.values[address], a.users.values[u] != Other
		switch {
		case a.o.Address.byHost() && label != Other && oneUser:
			full, memo = label, &client.group
		case oneUser:
			full = hostText(full)
			memo = a.groups.memo(full, u)
		default:
			full = hostText(full)
		}
		group := a.groups.of(memo, full, s.User, s.Name)
		group.Sessions++
		group.IdleLong.observe(idle, hasIdle)
		group.QueryBuffer.observe(s.QBuf, s.Present.Has(dcsapi.HasQBuf))
		group.OutputMemory.observe(s.OMem, s.Present.Has(dcsapi.HasOMem))
	}

	a.commands.add(s.Cmd)
	a.databases.add(s.DB)
	a.names.add(s.Name)
	a.networks.add(s.Network)

	r.Channels.observe(s.Sub, s.Present.Has(dcsapi.HasSub))
	r.Patterns.observe(s.PSub, s.Present.Has(dcsapi.HasPSub))
	r.Transaction.observe(max(s.Multi, 0), s.Present.Has(dcsapi.HasMulti))
	r.QueryBuffer.observe(s.QBuf, s.Present.Has(dcsapi.HasQBuf))
	r.QueryFree.observe(s.QBufFree, s.Present.Has(dcsapi.HasQBufFree))
	r.OutputBuffer.observe(s.OBL, s.Present.Has(dcsapi.HasOBL))
	r.OutputObjects.observe(s.OLL, s.Present.Has(dcsapi.HasOLL))
	r.OutputMemory.observe(s.OMem, s.Present.Has(dcsapi.HasOMem))
}

// boolToInt returns 1 for true, 0 for false.
func boolToInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Snapshot returns the totals of the sessions added so far, within the limits. Its
// Taken and Reported are left to the caller. top remembers from one list of a node
// to the next which values stand on their own, and is updated; it may be nil. now
// is the time by which Limits.Hold is measured. The aggregator must not be used
// afterwards.
func (a *Aggregator) Snapshot(top *TopLists, now time.Time) *Snapshot {
	if top == nil {
		top = new(TopLists)
	}
	r := a.result
	l := a.o.Limits
	r.Addresses = int64(a.addrs.distinct())
	r.Folded = make(map[Dimension]int)

	names := a.foldUsers(top, now)
	r.Folded[Users] = foldedCount(names, a.users.values)
	if l.Clients > 0 {
		r.Clients, r.Folded[Clients] = foldClients(a.mergeClients(names), l.Clients, top, l.Hold, now)
	}
	if a.groups != nil {
		r.UsedGroups = a.groups.used()
		if l.Groups > 0 {
			r.Groups, r.Folded[ClientGroups] = a.groups.foldGroups(l.Groups)
		}
	}
	for _, t := range []struct {
		dimension Dimension
		tally     *tally
		limit     int
		held      *incumbents[string]
		to        *[]ValueCount
	}{
		{Commands, &a.commands, l.Commands, &top.commands, &r.Commands},
		{Databases, &a.databases, l.Databases, nil, &r.Databases},
		{Names, &a.names, l.Names, &top.names, &r.Names},
		{Networks, &a.networks, l.Networks, nil, &r.Networks},
	} {
		if t.limit > 0 {
			*t.to, r.Folded[t.dimension] = foldValues(t.tally.counts(), t.limit, t.held, l.Hold, now)
		}
	}
	return r
}
