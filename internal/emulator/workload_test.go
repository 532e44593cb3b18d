package emulator_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

var everything = emulator.WorkloadOptions{Seed: 7, Leak: true, SlowReader: true, PubSub: true, Workers: true, Monitor: true, Replica: true}

func sessionsAt(t *testing.T, w *emulator.Workload, at time.Time) []emulator.Session {
	t.Helper()
	s, _, err := w.Sessions(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWorkloadMoves checks that within ten minutes everything can be seen that
// the metrics are made for.
func TestWorkloadMoves(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	w := emulator.NewWorkload(everything)
	var leaked, pool []int
	var omem []int64
	seen := make(map[string]bool)
	flags := make(map[string]bool)
	highest := int64(0)
	for at := time.Duration(0); at <= 10*time.Minute; at += 15 * time.Second {
		leaks, orders, slow := 0, 0, int64(-1)
		for _, s := range sessionsAt(t, w, start.Add(at)) {
			id, err := strconv.ParseInt(s.ID, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			highest = max(highest, id)
			if s.Idle > s.Age || s.Idle < 0 {
				t.Errorf("session %s is idle for %d of %d seconds", s.ID, s.Idle, s.Age)
			}
			flags[s.Flags] = true
			if s.Multi > 0 {
				seen["transaction"] = true
			}
			if s.Sub > 0 {
				seen["subscription"] = true
			}
			if strings.HasPrefix(s.Addr, "[") {
				seen["ipv6"] = true
			}
			switch s.User {
			case "inventory":
				leaks++
			case "orders":
				orders++
			case "feed":
				slow = s.OMem
			case "default":
				seen["default user"] = true
			}
		}
		leaked, pool, omem = append(leaked, leaks), append(pool, orders), append(omem, slow)
	}
	if n := len(leaked); leaked[n-1]-leaked[0] < 60 {
		t.Errorf("the leak: %v", leaked)
	}
	least, most := pool[0], pool[0]
	for _, n := range pool {
		least, most = min(least, n), max(most, n)
	}
	if most < least*3/2 {
		t.Errorf("the pool does not breathe: %v", pool)
	}
	top, gone, back := int64(0), false, false
	for _, v := range omem {
		back = back || (gone && v >= 0 && v < top)
		gone = gone || (v < 0 && top > 0)
		top = max(top, v)
	}
	if top < 200<<20 || top > 256<<20 || !gone || !back {
		t.Errorf("the slow reader: highest %d, cut off %v, back %v: %v", top, gone, back, omem)
	}
	for _, f := range []string{"N", "P", "b", "O", "S", "x"} {
		if !flags[f] {
			t.Errorf("no session has the flag %s", f)
		}
	}
	for _, what := range []string{"transaction", "subscription", "ipv6", "default user"} {
		if !seen[what] {
			t.Errorf("no %s", what)
		}
	}
}

// TestWorkloadIsReproducible checks that the same seed and times give the same
// sessions, and that ids never stand twice or fall.
func TestWorkloadIsReproducible(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	a, b := emulator.NewWorkload(everything), emulator.NewWorkload(everything)
	last := int64(0)
	for at := time.Duration(0); at < 5*time.Minute; at += 30 * time.Second {
		sa := sessionsAt(t, a, start.Add(at))
		if sb := sessionsAt(t, b, start.Add(at)); !reflect.DeepEqual(sa, sb) {
			t.Fatalf("after %s the sessions differ", at)
		}
		before := int64(0)
		for _, s := range sa {
			id, _ := strconv.ParseInt(s.ID, 10, 64)
			if id <= before {
				t.Fatalf("id %d after %d", id, before)
			}
			before = id
		}
		if before < last {
			t.Errorf("the highest id fell from %d to %d", last, before)
		}
		last = before
	}
}

// TestWorkloadIsBounded checks that a day does not make it grow, looked at or
// not.
func TestWorkloadIsBounded(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	w := emulator.NewWorkload(everything)
	for hour := range 6 {
		if n := len(sessionsAt(t, w, start.Add(time.Duration(hour)*30*time.Minute))); n > 900 {
			t.Fatalf("after %d half hours: %d sessions", hour, n)
		}
	}
	if n := len(sessionsAt(t, w, start.Add(48*time.Hour))); n == 0 || n > 900 {
		t.Errorf("two days later: %d sessions", n)
	}
}

func TestWorkloadMasked(t *testing.T) {
	w := emulator.NewWorkload(emulator.WorkloadOptions{Masked: true})
	for _, s := range sessionsAt(t, w, time.Unix(1_700_000_000, 0)) {
		if !strings.HasPrefix(s.Addr, "198.19.") || strings.HasPrefix(s.Peer, "198.19.") {
			t.Fatalf("addr %s, peer %s", s.Addr, s.Peer)
		}
	}
}

// TestDemoFleet checks that there is an instance of every kind, and that ids
// are stable.
func TestDemoFleet(t *testing.T) {
	a, b := emulator.DemoFleet(1), emulator.DemoFleet(1)
	proxies, sessions := 0, 0
	ids := make(map[string]bool)
	for k, i := range a {
		if i.ID != b[k].ID || ids[i.ID] {
			t.Errorf("id %s is not stable, or stands twice", i.ID)
		}
		ids[i.ID] = true
		for n, node := range i.Nodes {
			if node.ID != b[k].Nodes[n].ID || ids[node.ID] {
				t.Errorf("node id %s is not stable, or stands twice", node.ID)
			}
			ids[node.ID] = true
			if node.Role == "redis-proxy" {
				proxies++
			}
			list, _, err := node.Sessions.Sessions(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			sessions += len(list)
		}
	}
	if len(a) != 7 || proxies != 3 || sessions < 800 || sessions > 2000 {
		t.Errorf("%d instances, %d proxies, %d sessions", len(a), proxies, sessions)
	}
}
