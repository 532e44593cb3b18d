package aggregate_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

const allNumbers = dcsapi.HasAge | dcsapi.HasIdle | dcsapi.HasSub | dcsapi.HasPSub | dcsapi.HasMulti |
	dcsapi.HasQBuf | dcsapi.HasQBufFree | dcsapi.HasOBL | dcsapi.HasOLL | dcsapi.HasOMem

// testOptions returns options with the documented defaults.
func testOptions() aggregate.Options {
	buckets := []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800}
	return aggregate.Options{
		AgeBuckets: buckets, IdleBuckets: buckets, IdleThreshold: time.Hour,
		Limits: aggregate.Limits{Users: 20, Clients: 50, Commands: 50, Databases: 32, Names: 20, Networks: 10},
	}
}

func addUp(o aggregate.Options, sessions ...dcsapi.Session) *aggregate.Snapshot {
	agg := aggregate.New(&o, asIs)
	for _, s := range sessions {
		agg.Add(&s)
	}
	return agg.Snapshot(nil, time.Time{})
}

func TestAggregateEmptyList(t *testing.T) {
	s := addUp(testOptions())
	if s.Sessions != 0 || len(s.Users) != 0 || len(s.Clients) != 0 {
		t.Errorf("got %+v", s)
	}
	for _, sum := range []aggregate.Sum{s.QueryBuffer, s.OutputMemory, s.Channels} {
		if !sum.Known() || sum.Total != 0 {
			t.Errorf("the sum over no sessions is %+v, not a known 0", sum)
		}
	}
}

func TestAggregateSums(t *testing.T) {
	s := addUp(testOptions(),
		dcsapi.Session{User: "a", Addr: "10.0.0.1:1", Cmd: "get", DB: "0", Name: "x", Network: "vpc", Events: "rw", Flags: "N", Age: 10, Idle: 4000, Sub: 2, PSub: 1, Multi: -1, QBuf: 5, QBufFree: 7, OBL: 11, OLL: 13, OMem: 3 << 30, Present: allNumbers},
		dcsapi.Session{User: "a", Addr: "10.0.0.1:2", Cmd: "get", DB: "1", Name: "x", Network: "vpc", Events: "r", Flags: "xb", Age: 20, Idle: 5000, Multi: 3, QBuf: 1, OMem: 4 << 30, Present: allNumbers},
		dcsapi.Session{User: "b", Addr: "10.0.0.2:1", Cmd: "set", DB: "0", Flags: "PZ", Age: 0, Idle: 0, Multi: -1, Present: allNumbers},
	)
	type sums struct{ channels, patterns, transaction, qbuf, qfree, obl, oll, omem, qmax, omax int64 }
	got := sums{
		s.Channels.Total, s.Patterns.Total, s.Transaction.Total, s.QueryBuffer.Total, s.QueryFree.Total,
		s.OutputBuffer.Total, s.OutputObjects.Total, s.OutputMemory.Total, s.QueryBuffer.Max, s.OutputMemory.Max,
	}
	if want := (sums{2, 1, 3, 6, 7, 11, 13, 7 << 30, 5, 4 << 30}); got != want {
		t.Errorf("sums: got %+v, want %+v", got, want)
	}
	if s.WritePending != 1 || s.Addresses != 2 {
		t.Errorf("write pending %d, addresses %d; want 1 and 2", s.WritePending, s.Addresses)
	}
	if got, want := s.Databases, []aggregate.ValueCount{{Value: "0", Sessions: 2}, {Value: "1", Sessions: 1}}; !slices.Equal(got, want) {
		t.Errorf("databases: got %v, want %v", got, want)
	}
	if got, want := s.Names, []aggregate.ValueCount{{Value: "", Sessions: 1}, {Value: "x", Sessions: 2}}; !slices.Equal(got, want) {
		t.Errorf("names: got %v, want %v", got, want)
	}
	a := s.Users[0]
	if a.User != "a" || a.Sessions != 2 || a.IdleLong.Total != 1 || a.Idle.Max != 5000 || a.Age.Sum != 30 {
		t.Errorf("user a: got %+v", a)
	}
}

// TestAggregateMissing checks that what no session has is unknown, not 0.
func TestAggregateMissing(t *testing.T) {
	s := addUp(testOptions(),
		dcsapi.Session{User: "a", OMem: 7, Present: dcsapi.HasOMem},
		dcsapi.Session{User: "a", Age: -1, Idle: -1, QBuf: -1, Present: dcsapi.HasAge | dcsapi.HasIdle | dcsapi.HasQBuf},
	)
	if s.Users[0].Active.Known() || s.QueryBuffer.Known() || s.Channels.Known() || s.Users[0].IdleLong.Known() {
		t.Errorf("sums of what no session has are known: %+v", s)
	}
	if !s.OutputMemory.Known() || s.OutputMemory.Total != 7 || s.OutputMemory.Count != 1 {
		t.Errorf("omem: got %+v", s.OutputMemory)
	}
	if n := s.Users[0].Age.Count + s.Users[0].Idle.Count; n != 0 {
		t.Errorf("%d ages and idle times of sessions that have none", n)
	}
}

func TestAggregateSumSaturates(t *testing.T) {
	big := dcsapi.Session{OMem: 1<<63 - 1, Present: dcsapi.HasOMem}
	if s := addUp(testOptions(), big, big); s.OutputMemory.Total != 1<<63-1 {
		t.Errorf("got %d", s.OutputMemory.Total)
	}
}

func TestIdleWithoutThoseThatWait(t *testing.T) {
	for _, tt := range []struct {
		flags string
		idle  int64
		want  int64
	}{
		{"N", 3600, 0},
		{"N", 3601, 1},
		{"", 3601, 1},
		{"x", 9999, 1},
		{"u", 9999, 1},
		{"P", 9999, 0},
		{"b", 9999, 0},
		{"O", 9999, 0},
		{"S", 9999, 0},
		{"M", 9999, 0},
		{"xb", 9999, 0},
	} {
		s := addUp(testOptions(), dcsapi.Session{Flags: tt.flags, Idle: tt.idle, Present: allNumbers})
		if got := s.Users[0].IdleLong.Total; got != tt.want {
			t.Errorf("flags %q idle %d: got %d, want %d", tt.flags, tt.idle, got, tt.want)
		}
	}
}

func TestLimitsFold(t *testing.T) {
	o := testOptions()
	o.Limits.Commands = 2
	session := func(cmd string) dcsapi.Session { return dcsapi.Session{Cmd: cmd} }
	tests := []struct {
		name     string
		commands []string
		want     []aggregate.ValueCount
		folded   int
	}{
		{"at the limit", []string{"a", "b", "b"}, []aggregate.ValueCount{{"a", 1}, {"b", 2}}, 0},
		{"over it", []string{"a", "b", "b", "c", "c", "c", "d"}, []aggregate.ValueCount{{"b", 2}, {"c", 3}, {"other", 2}}, 2},
		{"ties by value", []string{"c", "b", "a"}, []aggregate.ValueCount{{"a", 1}, {"b", 1}, {"other", 1}}, 1},
		{"a real other takes no place", []string{"a", "b", "other", "other", "other"}, []aggregate.ValueCount{{"a", 1}, {"b", 1}, {"other", 3}}, 0},
		{"a real other joins", []string{"a", "a", "b", "b", "c", "other"}, []aggregate.ValueCount{{"a", 2}, {"b", 2}, {"other", 2}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sessions []dcsapi.Session
			for _, c := range tt.commands {
				sessions = append(sessions, session(c))
			}
			s := addUp(o, sessions...)
			if !slices.Equal(s.Commands, tt.want) || s.Folded[aggregate.Commands] != tt.folded {
				t.Errorf("got %v, %d folded; want %v, %d", s.Commands, s.Folded[aggregate.Commands], tt.want, tt.folded)
			}
		})
	}
}

// TestClientPlaces checks who gets the places of client addresses: half of
// them go by sessions, half by bytes.
func TestClientPlaces(t *testing.T) {
	o := testOptions()
	o.Limits.Clients = 4
	var sessions []dcsapi.Session
	add := func(n int, addr string, omem, qbuf int64) {
		for range n {
			sessions = append(sessions, dcsapi.Session{User: "u", Addr: addr, OMem: omem, QBuf: qbuf, Present: allNumbers})
		}
	}
	add(9, "10.0.0.1", 1000, 0) // most sessions, and most bytes: takes one place
	add(8, "10.0.0.2", 0, 0)
	add(7, "10.0.0.3", 0, 0)
	add(1, "10.0.0.4", 500, 0)
	add(1, "10.0.0.5", 0, 600)
	add(2, "10.0.0.6", 100, 0)
	s := addUp(o, sessions...)
	var got []string
	for _, c := range s.Clients {
		got = append(got, fmt.Sprintf("%s=%d", c.Address, c.Sessions))
	}
	want := []string{"10.0.0.1=9", "10.0.0.2=8", "10.0.0.4=1", "10.0.0.5=1", "other=9"}
	if !slices.Equal(got, want) || s.Folded[aggregate.Clients] != 2 {
		t.Errorf("got %v, %d folded; want %v, 2", got, s.Folded[aggregate.Clients], want)
	}
}

func TestLimitZero(t *testing.T) {
	o := testOptions()
	o.Limits = aggregate.Limits{}
	s := addUp(o, dcsapi.Session{User: "a", Addr: "10.0.0.1:1"}, dcsapi.Session{User: "b", Addr: "10.0.0.1:2"})
	if len(s.Users) != 1 || s.Users[0].User != aggregate.Other || s.Users[0].Sessions != 2 {
		t.Errorf("users: got %+v", s.Users)
	}
	if s.Clients != nil || s.Commands != nil || s.Databases != nil || s.Names != nil || s.Networks != nil {
		t.Errorf("families with limit 0 are there: %+v", s)
	}
	if s.Addresses != 1 {
		t.Errorf("addresses: got %d, want 1", s.Addresses)
	}
}

// TestLabelValues checks that values that differ only in what is no text
// become one, and that long ones are cut between characters.
func TestLabelValues(t *testing.T) {
	long := strings.Repeat("é", 200)
	s := addUp(testOptions(),
		dcsapi.Session{Name: "a\xff"}, dcsapi.Session{Name: "a\xfe"}, dcsapi.Session{Name: "a\uFFFD"},
		dcsapi.Session{Name: long}, dcsapi.Session{Name: long + "x"}, dcsapi.Session{Name: "x" + long},
	)
	want := []aggregate.ValueCount{{"a\uFFFD", 3}, {"x" + strings.Repeat("é", 127), 1}, {strings.Repeat("é", 128), 2}}
	if !slices.Equal(s.Names, want) {
		t.Errorf("got %v, want %v", s.Names, want)
	}
}

// TestStringsAreNotShared checks that a snapshot does not change when the
// memory that sessions came from does.
func TestStringsAreNotShared(t *testing.T) {
	buf := []byte("orders10.0.0.1:5get")
	share := func(from, to int) string { return unsafe.String(&buf[from], to-from) }
	o := testOptions()
	agg := aggregate.New(&o, asIs)
	agg.Add(&dcsapi.Session{User: share(0, 6), Addr: share(6, 16), Cmd: share(16, 19)})
	clear(buf)
	s := agg.Snapshot(nil, time.Time{})
	if s.Users[0].User != "orders" || s.Clients[0].Address != "10.0.0.1" || s.Commands[0].Value != "get" {
		t.Errorf("got %+v", s)
	}
}

// TestSumsAreConserved is the promise of the limits: whatever the sessions
// are, each dimension adds up to all of them, and stays within its limit.
func TestSumsAreConserved(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		o := testOptions()
		o.Limits = aggregate.Limits{
			Users: rng.IntN(5), Clients: rng.IntN(12), Commands: rng.IntN(6), Databases: rng.IntN(4), Names: rng.IntN(5), Networks: rng.IntN(3),
		}
		sessions := make([]dcsapi.Session, rng.IntN(400))
		for i := range sessions {
			sessions[i] = randomSession(rng)
		}
		s := addUp(o, sessions...)
		again := addUp(o, shuffled(rng, sessions)...)
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("round %d: the order of sessions changes the numbers:\n%+v\n%+v", round, s, again)
		}
		checkConserved(t, round, o, s, sessions)
		if t.Failed() {
			return
		}
	}
}

func checkConserved(t *testing.T, round int, o aggregate.Options, s *aggregate.Snapshot, sessions []dcsapi.Session) {
	t.Helper()
	total := int64(len(sessions))
	var users, ages, clients, clientOMem, links, userLinks, clientLinks int64
	for _, session := range sessions {
		if strings.Contains(session.Flags, "S") || session.User == "(superuser)" {
			links++
		}
	}
	seen := make(map[string]bool)
	clientsOf := make(map[string]int64)
	for _, u := range s.Users {
		users += u.Sessions
		userLinks += u.Replication
		ages += int64(u.Age.Count)
		if seen[u.User] || !utf8.ValidString(u.User) {
			t.Errorf("round %d: user %q stands twice or is no text", round, u.User)
		}
		seen[u.User] = true
	}
	for _, c := range s.Clients {
		clients += c.Sessions
		clientLinks += c.Replication
		clientOMem += c.OutputMemory.Total
		clientsOf[c.User] += c.Sessions
		key := c.User + "\x00" + c.Address
		if seen[key] {
			t.Errorf("round %d: client %q of %q stands twice", round, c.Address, c.User)
		}
		seen[key] = true
	}
	if users != total || ages != total {
		t.Errorf("round %d: users add up to %d, ages to %d; want %d", round, users, ages, total)
	}
	if userLinks != links || o.Limits.Clients > 0 && clientLinks != links {
		t.Errorf("round %d: links add up to %d by user and %d by client, want %d", round, userLinks, clientLinks, links)
	}
	if o.Limits.Clients > 0 {
		if clients != total || clientOMem != s.OutputMemory.Total {
			t.Errorf("round %d: clients add up to %d sessions and %d bytes, want %d and %d", round, clients, clientOMem, total, s.OutputMemory.Total)
		}
		for _, u := range s.Users {
			if clientsOf[u.User] != u.Sessions {
				t.Errorf("round %d: clients of %q add up to %d, want %d", round, u.User, clientsOf[u.User], u.Sessions)
			}
		}
		if most := o.Limits.Clients + len(s.Users); len(s.Clients) > most {
			t.Errorf("round %d: %d clients, at most %d are allowed", round, len(s.Clients), most)
		}
	}
	if len(s.Users) > o.Limits.Users+1 {
		t.Errorf("round %d: %d users over the limit of %d", round, len(s.Users), o.Limits.Users)
	}
	for _, d := range []struct {
		name   string
		counts []aggregate.ValueCount
		limit  int
		of     func(dcsapi.Session) string
	}{
		{"commands", s.Commands, o.Limits.Commands, func(s dcsapi.Session) string { return s.Cmd }},
		{"databases", s.Databases, o.Limits.Databases, func(s dcsapi.Session) string { return s.DB }},
		{"names", s.Names, o.Limits.Names, func(s dcsapi.Session) string { return s.Name }},
		{"networks", s.Networks, o.Limits.Networks, func(s dcsapi.Session) string { return s.Network }},
	} {
		if d.limit == 0 {
			continue
		}
		want := make(map[string]int64) // counted plainly
		for _, session := range sessions {
			want[strings.ToValidUTF8(d.of(session), "\uFFFD")]++
		}
		var sum, least int64 = 0, total
		for _, c := range d.counts {
			sum += c.Sessions
			if c.Value != aggregate.Other {
				least = min(least, c.Sessions)
				if c.Sessions != want[c.Value] {
					t.Errorf("round %d: %s %q: got %d, want %d", round, d.name, c.Value, c.Sessions, want[c.Value])
				}
				delete(want, c.Value)
			}
		}
		for value, n := range want {
			if value != aggregate.Other && n > least {
				t.Errorf("round %d: %s %q with %d sessions is folded, one with %d is not", round, d.name, value, n, least)
			}
		}
		if sum != total || len(d.counts) > d.limit+1 {
			t.Errorf("round %d: %s add up to %d in %d values, want %d in at most %d", round, d.name, sum, len(d.counts), total, d.limit+1)
		}
	}
}

func shuffled(rng *rand.Rand, sessions []dcsapi.Session) []dcsapi.Session {
	out := slices.Clone(sessions)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// randomSession returns a session with values from small sets, odd ones among
// them.
func randomSession(rng *rand.Rand) dcsapi.Session {
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	n := func() int64 { return rng.Int64N(cmp.Or(rng.Int64N(100000), 1)) }
	return dcsapi.Session{
		ID:   fmt.Sprint(rng.IntN(1000)),
		User: pick("", "default", "orders", "other", "a\xff", "a\xfe", "payments", "q", "(superuser)"),
		Addr: pick(fmt.Sprintf("10.0.0.%d:%d", rng.IntN(30), rng.IntN(60000)), "[::1]:1", "other", "other:1", "/s:0", "198.19.1.1:2", ""),
		Name: pick("", "other", "n1", "n2", "n3", "n4", "n5", "\xff"), Cmd: pick("get", "set", "NULL", "other", "blpop", "info", "x", "y"),
		DB: pick("0", "1", "2", "3", "15"), Network: pick("vpc", "", "public", "other"), Flags: pick("N", "P", "b", "xd", "S", "Ö", ""),
		Events: pick("", "r", "w", "rw"), Age: n(), Idle: n(), Sub: n(), Multi: rng.Int64N(4) - 1, QBuf: n(), OMem: n(), Present: allNumbers,
	}
}

// asIs redacts nothing.
func asIs(s string) string { return s }

// TestValuesAreRedacted checks that no value is kept as it came.
func TestValuesAreRedacted(t *testing.T) {
	o := testOptions()
	agg := aggregate.New(&o, func(s string) string { return strings.ReplaceAll(s, "SECRET", "<redacted>") })
	for range 3 {
		agg.Add(&dcsapi.Session{User: "u SECRET", Addr: "SECRET", Cmd: "SECRET", DB: "SECRET", Name: "an app SECRET", Network: "SECRET"})
	}
	got := fmt.Sprintf("%+v", agg.Snapshot(nil, time.Time{}))
	if strings.Contains(got, "SECRET") || strings.Count(got, "<redacted>") < 6 || strings.Count(got, "an app <redacted>") != 1 {
		t.Error(got)
	}
}
