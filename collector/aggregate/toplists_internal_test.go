package aggregate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// chosen returns who stands on their own, of values with weights.
func chosen(m *incumbents[string], weights map[string]int64, limit int, hold time.Duration, now time.Time) []string {
	var list []ValueCount
	for v, w := range weights {
		list = append(list, ValueCount{v, w})
	}
	kept, _ := foldValues(list, limit, m, hold, now)
	var names []string
	for _, k := range kept {
		if k.Value != Other {
			names = append(names, k.Value)
		}
	}
	return names
}

func TestTopListsHold(t *testing.T) {
	const hold = time.Hour
	begin := time.Unix(1_700_000_000, 0)
	for name, steps := range map[string][]struct {
		after   time.Duration
		weights map[string]int64
		want    string
	}{
		"taking turns": {
			{0, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a b]"},
			{time.Minute, map[string]int64{"a": 10, "b": 9, "c": 11}, "[a b]"},
			{2 * time.Minute, map[string]int64{"a": 10, "b": 9, "c": 18}, "[a b]"}, // not more than twice
			{3 * time.Minute, map[string]int64{"a": 10, "b": 9, "c": 19}, "[a c]"},
			{4 * time.Minute, map[string]int64{"a": 10, "b": 11, "c": 19}, "[a c]"}, // and now c stays
		},
		"the hold ends": {
			{0, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a b]"},
			{59 * time.Minute, map[string]int64{"a": 10, "b": 8, "c": 9}, "[a b]"},
			{60 * time.Minute, map[string]int64{"a": 10, "b": 8, "c": 9}, "[a c]"},
		},
		"qualifying again": {
			{0, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a b]"},
			{50 * time.Minute, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a b]"},
			{100 * time.Minute, map[string]int64{"a": 10, "b": 8, "c": 9}, "[a b]"},
		},
		"away for a list": {
			{0, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a b]"},
			{time.Minute, map[string]int64{"a": 10, "c": 8}, "[a c]"},
			{2 * time.Minute, map[string]int64{"a": 10, "b": 7, "c": 8}, "[a c]"}, // three members, two places
			{3 * time.Minute, map[string]int64{"a": 10, "b": 9, "c": 8}, "[a c]"}, // b has lost its place
		},
		"room for all": {
			{0, map[string]int64{"a": 1}, "[a]"},
			{time.Minute, map[string]int64{"a": 1, "b": 2}, "[a b]"},
			{2 * time.Minute, map[string]int64{"a": 1, "b": 2, "c": 2}, "[a b]"},
			{3 * time.Minute, map[string]int64{"a": 1, "b": 2, "c": 3}, "[b c]"},
		},
		"nothing weighs anything": {
			{0, map[string]int64{"a": 0, "b": 0, "c": 0}, "[a b]"},
			{time.Minute, map[string]int64{"b": 0, "c": 0, "a": 0}, "[a b]"},
			{2 * time.Minute, map[string]int64{"a": 0, "b": 0, "c": 1}, "[a c]"},
		},
		"more than 63 bits hold twice": {
			{0, map[string]int64{"a": 1 << 62, "b": 1<<62 - 1, "c": 5}, "[a b]"},
			{time.Minute, map[string]int64{"a": 1 << 62, "b": 1<<62 - 1, "c": 1<<63 - 1}, "[a c]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var m incumbents[string]
			for _, s := range steps {
				if got := fmt.Sprint(chosen(&m, s.weights, 2, hold, begin.Add(s.after))); got != s.want {
					t.Errorf("after %s: got %s, want %s", s.after, got, s.want)
				}
			}
		})
	}
}

// TestNoHold checks that without a hold the heaviest have the places, and
// nothing is remembered.
func TestNoHold(t *testing.T) {
	var m incumbents[string]
	for range 2 {
		if got := fmt.Sprint(chosen(&m, map[string]int64{"a": 1, "b": 2, "c": 3}, 2, 0, time.Now())); got != "[b c]" {
			t.Errorf("got %s", got)
		}
		if got := fmt.Sprint(chosen(&m, map[string]int64{"a": 3, "b": 2, "c": 1}, 2, 0, time.Now())); got != "[a b]" {
			t.Errorf("got %s", got)
		}
	}
	if len(m) > 0 {
		t.Errorf("%d are remembered", len(m))
	}
}

// TestTopListsProperties lets random lists follow each other: there are as many
// as places, nobody outside is more than twice as heavy as somebody inside, and
// what is remembered is bounded.
func TestTopListsProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var m incumbents[string]
		limit, now := 1+rng.IntN(6), time.Unix(0, 0)
		for range 30 {
			now = now.Add(time.Duration(rng.IntN(40)) * time.Minute)
			weights := make(map[string]int64)
			for range rng.IntN(20) {
				weights[fmt.Sprint(rng.IntN(40))] = rng.Int64N(30)
			}
			in := chosen(&m, weights, limit, time.Hour, now)
			if len(in) != min(limit, len(weights)) {
				t.Fatalf("%d of %d values in %d places", len(in), len(weights), limit)
			}
			for v, w := range weights {
				for _, i := range in {
					if !slices.Contains(in, v) && w > 2*weights[i] {
						t.Fatalf("%s with %d is out, %s with %d is in", v, w, i, weights[i])
					}
				}
			}
			if len(m) > 2*limit {
				t.Fatalf("%d are remembered for %d places", len(m), limit)
			}
		}
	}
}

// TestClientsHold follows clients from list to list: the set does not change
// while they take turns, sums are conserved, and a heavy one comes in at once.
func TestClientsHold(t *testing.T) {
	o := Options{AgeBuckets: []float64{1}, IdleBuckets: []float64{1}, Limits: Limits{Users: 5, Clients: 4, Hold: time.Hour}}
	var top TopLists
	now := time.Unix(0, 0)
	rng := rand.New(rand.NewPCG(5, 6))
	list := func(heavy int) map[string]int64 {
		now = now.Add(time.Minute)
		a := New(&o, asIs)
		total, bytes := int64(0), int64(0)
		add := func(host string, sessions int, omem int64) {
			for range sessions {
				a.Add(&dcsapi.Session{Addr: host + ":1", User: "u", OMem: omem, Present: dcsapi.HasOMem | dcsapi.HasQBuf})
				total++
				bytes += omem
			}
		}
		for i := range 10 {
			add(fmt.Sprintf("10.0.0.%d", i), 20+rng.IntN(5), 1000+rng.Int64N(50))
		}
		add("10.0.1.1", heavy, 0)
		s := a.Snapshot(&top, now)
		in := make(map[string]int64)
		for _, c := range s.Clients {
			in[c.Address] += c.Sessions
			total -= c.Sessions
			bytes -= c.OutputMemory.Total
		}
		if total != 0 || bytes != 0 {
			t.Fatalf("%d sessions and %d bytes are missing", total, bytes)
		}
		return in
	}
	first := list(1)
	for range 50 {
		next := list(1)
		for address := range first {
			if next[address] == 0 {
				t.Fatalf("%s has lost its place to one of about the same weight", address)
			}
		}
	}
	if got := list(200); got["10.0.1.1"] != 200 {
		t.Errorf("a heavy newcomer is kept out: %v", got)
	}
}

// asIs redacts nothing.
func asIs(s string) string { return s }
