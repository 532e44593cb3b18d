package aggregate

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// step is a list of a node: the sessions' ids with their ages, and when it was
// taken and read, in seconds from the first.
type step struct {
	ages        map[string]int64 // -1 for none
	taken, read float64
	want        Churn
}

func ages(pairs ...any) map[string]int64 {
	out := make(map[string]int64)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = int64(pairs[i+1].(int))
	}
	return out
}

func TestChurn(t *testing.T) {
	for name, steps := range map[string][]step{
		"growing": {
			{ages("10", 100, "11", 50), 0, 0, Churn{}},
			{ages("10", 130, "11", 80), 30, 30, Churn{}},
			{ages("10", 160, "12", 5), 60, 60, Churn{1, 1, 1}},
			{ages("10", 190, "20", 5), 90, 90, Churn{2, 2, 9}},    // 13 to 19 came and went
			{ages("10", 220), 120, 120, Churn{2, 3, 9}},           // the newest has gone
			{ages("10", 250, "21", 1), 150, 150, Churn{3, 3, 10}}, // and the mark stays
			{ages(), 180, 180, Churn{3, 5, 10}},
			{ages("25", 3), 210, 210, Churn{4, 5, 14}},
		},
		"empty at first": {
			{ages(), 0, 0, Churn{}},
			{ages("5000", 3, "5001", 2), 30, 30, Churn{2, 0, 2}},
			{ages("5000", 33, "5003", 2), 60, 60, Churn{3, 1, 4}},
		},
		"the API's clock jumps by ten years": {
			{ages("10", 100), 0, 0, Churn{}},
			{ages("10", 130, "900000000000", 5), 315_360_000, 30, Churn{1, 0, 1}},
		},
		"read late": {
			{ages("10", 100), 0, 300, Churn{}},
			{ages("10", 400, "20000010", 5), 300, 301, Churn{1, 0, 20_000_000}},
		},
		"restart": {
			{ages("100", 1000, "200", 50, "201", 20), 0, 0, Churn{}},
			{ages("3", 10, "7", 2), 30, 30, Churn{2, 3, 2}},
			{ages("3", 40, "9", 2), 60, 60, Churn{3, 4, 4}}, // the mark is a new one
		},
		"restart into the same ids": {
			{ages("3", 1000, "4", 50), 0, 0, Churn{}},
			{ages("3", 10, "4", 9), 30, 30, Churn{2, 2, 2}},
		},
		"restart past the highest id": { // looks like many connections, as it is
			{ages("3", 1000), 0, 0, Churn{}},
			{ages("90", 5, "80", 9), 30, 30, Churn{2, 1, 87}},
		},
		"another process takes over": {
			{ages("100", 1000, "101", 50), 0, 0, Churn{}},
			{ages("900000", 5000, "900001", 4), 30, 30, Churn{2, 2, 2}},
			{ages("900000", 5030, "900004", 4), 60, 60, Churn{3, 3, 5}},
		},
		"ids that do not grow": {
			{ages("500", 100, "7", 50), 0, 0, Churn{}},
			{ages("500", 130, "8", 5, "900", 3), 30, 30, Churn{2, 1, 2}},
			{ages("500", 160, "8", 35, "6", 3), 60, 60, Churn{3, 2, 3}},
			{ages("500", 2, "8", 65), 90, 90, Churn{4, 4, 4}}, // one id, another session
		},
		"ids that are no counter": {
			{ages("1000000", 100), 0, 0, Churn{}},
			{ages("1000000", 130, "90000000000000000", 3), 30, 30, Churn{1, 0, 1}},
		},
		"ids that are no numbers": {
			{ages("a", 100, "b", 10), 0, 0, Churn{}},
			{ages("a", 130, "c", 10), 30, 30, Churn{1, 1, 1}},
		},
		"without ages": {
			{ages("5", -1, "6", -1), 0, 0, Churn{}},
			{ages("5", -1, "9", -1), 30, 30, Churn{1, 1, 3}},
			{ages("5", -1, "2", -1), 60, 60, Churn{2, 2, 4}},
		},
		"the API's clock jumps": {
			{ages("5", 100, "6", 100), 0, 0, Churn{}},
			{ages("5", 130, "6", 130, "7", 3), 3630, 30, Churn{1, 0, 1}},
			{ages("5", 160, "6", 160, "8", 3), -9000, 60, Churn{2, 1, 2}},
		},
		"our clock jumps": {
			{ages("5", 100, "6", 100), 0, 0, Churn{}},
			{ages("5", 130, "6", 130, "7", 3), 30, 7200, Churn{1, 0, 1}},
			{ages("5", 160, "8", 3), 60, 100, Churn{2, 2, 2}},
		},
		"rounding": { // a session that was there is not taken for a new one
			{ages("5", 0), 0, 0, Churn{}},
			{ages("5", 29), 30, 30, Churn{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Unix(1_700_000_000, 0)
			at := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
			var c ChurnTracker
			for i, s := range steps {
				c.Observe(agesOf(s.ages), at(s.taken), at(s.read))
				if c.Churn != s.want {
					t.Errorf("list %d: got %+v, want %+v", i, c.Churn, s.want)
				}
			}
		})
	}
}

func agesOf(sessions map[string]int64) *SessionSet {
	out := NewSessionSet(0)
	for id, age := range sessions {
		s := dcsapi.Session{ID: id, Age: age}
		if age >= 0 {
			s.Present = dcsapi.HasAge
		}
		out.Add(&s, 1)
	}
	return out
}

// TestChurnAgainstTruth runs a node with many short-lived connections and now
// and then a restart, and compares with what happened.
func TestChurnAgainstTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c ChurnTracker
		type connection struct{ id, born int }
		var open []connection
		next, now, accepted := 1+rng.IntN(1000), 0, 0
		accept := func() {
			open = append(open, connection{next, now})
			next++
			accepted++
		}
		for range rng.IntN(30) {
			accept()
		}
		list := func() {
			sessions := make(map[string]int64)
			for _, s := range open {
				sessions[strconv.Itoa(s.id)] = int64(now - s.born)
			}
			at := time.Unix(1_700_000_000+int64(now), 0)
			c.Observe(agesOf(sessions), at, at)
		}
		now += 60
		list()
		if len(open) == 0 {
			accepted = 0 // the mark is not known yet
			continue
		}
		accepted = 0
		for range 50 {
			for range 10 + rng.IntN(30) {
				now++
				for range rng.IntN(3) {
					accept()
				}
				if len(open) > 0 && rng.IntN(2) == 0 {
					k := rng.IntN(len(open))
					open = append(open[:k], open[k+1:]...)
				}
			}
			if rng.IntN(10) == 0 { // a restart: what came and went before it cannot be known
				open, next = nil, 3
				for range 1 + rng.IntN(5) {
					accept()
				}
				before := c.Churn
				now++
				list()
				if d := c.Accepted - before.Accepted; d < int64(len(open)) {
					t.Fatalf("after a restart: %d accepted, at least %d were", d, len(open))
				}
				accepted = int(c.Accepted)
				continue
			}
			list()
			// Those that came after the newest one that is still open are
			// seen only once a newer one is.
			unseen := next - 1
			for _, s := range open {
				unseen = min(unseen, next-1-s.id)
			}
			if len(open) == 0 {
				unseen = next
			}
			if got := int(c.Accepted); got > accepted || got < accepted-unseen {
				t.Fatalf("%d accepted, want %d, of which the last %d cannot be seen", got, accepted, unseen)
			}
			if c.Opened > c.Accepted || c.Closed > c.Opened+30 {
				t.Fatalf("%+v", c.Churn)
			}
		}
	}
}

// BenchmarkChurn compares lists of 100,000 sessions, a hundredth of which is
// new each time, and reports what is kept of each session meanwhile.
func BenchmarkChurn(b *testing.B) {
	const sessions = 100_000
	list := func(first int) *SessionSet {
		out := NewSessionSet(sessions)
		for id := first; id < first+sessions; id++ {
			out.Add(&dcsapi.Session{ID: strconv.Itoa(id), Age: int64(first + sessions - id), Present: dcsapi.HasAge}, 1)
		}
		return out
	}
	lists := []*SessionSet{list(1), list(1 + sessions/100)}
	var c ChurnTracker
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		at := time.Unix(int64(60*n), 0)
		c.Observe(lists[n%2], at, at)
		n++
	}
	b.ReportMetric(float64(8*cap(c.ids))/sessions, "kept-B/session")
}
