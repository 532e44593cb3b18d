package collector

import (
	"math/bits"
	"strings"
	"time"
	"unicode/utf8"

	"dcs_session_exporter/dcsapi"
)

// AggregateOptions say how sessions become numbers.
type AggregateOptions struct {
	AgeBuckets    []float64 // upper bounds in seconds, rising
	IdleBuckets   []float64 // likewise
	IdleThreshold time.Duration
	Address       AddressOptions
	Limits        Limits
}

// maxLabelValue is how many bytes of a value a label holds; longer values are
// cut.
const maxLabelValue = 256

// Aggregator adds sessions up, each in one pass and without keeping it. It is
// pure: no I/O, no clock. It is made by NewAggregator and good for one list.
type Aggregator struct {
	o       *AggregateOptions
	idleMin int64
	// The upper bounds of classic buckets, in whole seconds.
	ageBounds, idleBounds []int64

	result  *Snapshot // by itself: it outlives the aggregator
	users   interner
	user    []UserStats // by index in users
	clients map[clientKey]*ClientStats
	addrs   interner
	hosts   []host     // by index in addrs
	latest  []clientOf // likewise: the client that was asked for last

	commands, databases, names, networks tally
}

// clientKey is a user and a client address, by their indices.
type clientKey struct{ user, address int32 }

// clientOf is a user, by its index, and the user's client of some address.
type clientOf struct {
	user   int32
	client *ClientStats
}

// NewAggregator returns an aggregator without sessions. o must not change
// while it is in use.
func NewAggregator(o *AggregateOptions) *Aggregator {
	return &Aggregator{
		o: o, result: new(Snapshot), idleMin: int64(o.IdleThreshold / time.Second), clients: make(map[clientKey]*ClientStats),
		ageBounds: wholeBounds(o.AgeBuckets), idleBounds: wholeBounds(o.IdleBuckets),
	}
}

// Add adds one session. It keeps nothing of it.
func (a *Aggregator) Add(s *dcsapi.Session) {
	r := a.result
	r.Sessions++

	flags := parseFlags(s.Flags)
	for rest := flags; rest != 0; rest &= rest - 1 {
		r.Flags[bits.TrailingZeros32(uint32(rest))]++
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
	hasIdle := s.Present.Has(dcsapi.HasIdle)
	if hasIdle && s.Idle >= 0 {
		user.Idle.observe(s.Idle, a.idleBounds)
	}
	link := int64(0)
	if flags.replicates(s.User) {
		link = 1
	}
	user.Replication += link
	idle := int64(0)
	if s.Idle > a.idleMin && !flags.waits() && link == 0 {
		idle = 1
	}
	user.IdleLong.observe(idle, hasIdle)

	address := a.address(a.o.Address.field(s))
	if a.hosts[address].masked {
		r.Masked++
	}
	client := a.client(u, address)
	client.Sessions++
	client.Replication += link
	client.QueryBuffer.observe(s.QBuf, s.Present.Has(dcsapi.HasQBuf))
	client.OutputMemory.observe(s.OMem, s.Present.Has(dcsapi.HasOMem))

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

// address returns the index of an address, without its port unless that is
// asked for.
func (a *Aggregator) address(full string) int32 {
	if !a.o.Address.IncludePort {
		// Most sessions come from a host that others came from: it was looked
		// at before.
		if i := strings.LastIndexByte(full, ':'); i > 0 && isPort(full[i:]) {
			if n, ok := a.addrs.find(full[:i]); ok && a.hosts[n].plain {
				return n
			}
		}
	}
	address, h := a.o.Address.of(full)
	n := a.addrs.index(address)
	if int(n) == len(a.hosts) {
		a.hosts = append(a.hosts, h)
		a.latest = append(a.latest, clientOf{})
	}
	return n
}

// client returns the statistics of a user and an address. Few addresses have
// more than one user.
func (a *Aggregator) client(user, address int32) *ClientStats {
	latest := &a.latest[address]
	if latest.client == nil || latest.user != user {
		key := clientKey{user, address}
		if a.clients[key] == nil {
			a.clients[key] = &ClientStats{}
		}
		*latest = clientOf{user, a.clients[key]}
	}
	return latest.client
}

// Snapshot returns what the sessions added so far amount to, within the
// limits. The aggregator is of no use afterwards.
func (a *Aggregator) Snapshot() *Snapshot { return a.snapshot(new(topLists), time.Time{}) }

// snapshot is Snapshot for one list of many: top remembers from list to list
// who holds a place.
func (a *Aggregator) snapshot(top *topLists, now time.Time) *Snapshot {
	r := a.result
	l := a.o.Limits
	r.Addresses = int64(len(a.addrs.values))
	r.Folded = make(map[Dimension]int)

	names := a.foldUsers(top, now)
	r.Folded[Users] = foldedCount(names, a.users.values)
	if l.Clients > 0 {
		r.Clients, r.Folded[Clients] = foldClients(a.mergeClients(names), l.Clients, top, l.Hold, now)
	}
	for _, t := range []struct {
		dimension Dimension
		tally     *tally
		limit     int
		held      *members[string]
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

// interner gives distinct values indices, and keeps each once: valid UTF-8,
// at most maxLabelValue bytes. The zero value is ready.
type interner struct {
	values []string
	known  map[string]int32 // values, and the raw forms that became them
	recent [256]int32       // by slot: an index in values that was looked up
}

// index returns the index of a value; a new one gets len(values).
func (n *interner) index(raw string) int32 {
	i, ok := n.find(raw)
	if ok {
		return i
	}
	if n.known == nil {
		n.known = make(map[string]int32)
	}
	value := cutLabel(strings.ToValidUTF8(strings.Clone(cutLabel(raw)), "\uFFFD"))
	if i, ok = n.known[value]; !ok {
		i = int32(len(n.values))
		n.values = append(n.values, value)
		n.known[value] = i
	}
	if value != raw && len(raw) <= maxLabelValue {
		n.known[strings.Clone(raw)] = i
	}
	return i
}

// cutLabel returns at most maxLabelValue bytes of a value.
func cutLabel(s string) string {
	if len(s) <= maxLabelValue {
		return s
	}
	end := maxLabelValue
	for end > maxLabelValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end-- // not within a character
	}
	return s[:end]
}

// find returns the index of a value that is known, or of the raw form of one.
func (n *interner) find(raw string) (int32, bool) {
	recent := &n.recent[slot(raw)]
	if int(*recent) < len(n.values) && n.values[*recent] == raw {
		return *recent, true
	}
	i, ok := n.known[raw]
	if ok {
		*recent = i
	}
	return i, ok
}

// slot spreads texts by their ends, where values of a kind differ.
func slot(s string) uint8 {
	h := uint(len(s))
	for i := max(0, len(s)-4); i < len(s); i++ {
		h = h*31 + uint(s[i])
	}
	return uint8(h ^ h>>8)
}

// tally counts sessions per value. The zero value is ready.
type tally struct {
	interner
	sessions []int64 // by index
}

func (t *tally) add(raw string) {
	i := t.index(raw)
	if int(i) == len(t.sessions) {
		t.sessions = append(t.sessions, 0)
	}
	t.sessions[i]++
}

func (t *tally) counts() []ValueCount {
	counts := make([]ValueCount, len(t.values))
	for i, v := range t.values {
		counts[i] = ValueCount{v, t.sessions[i]}
	}
	return counts
}
