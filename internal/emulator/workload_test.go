package emulator_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

var everything = emulator.WorkloadOptions{Seed: 7, Leak: true, SlowReader: true, SlowPubSub: true, SlowReplica: true, PubSub: true, Workers: true, Monitor: true, Replica: true, Master: true}

func sessionsAt(t *testing.T, w *emulator.Workload, at time.Time) []emulator.Session {
	t.Helper()
	s, _, err := w.Sessions(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWorkloadMoves checks that within ten minutes the workload shows everything
// that the metrics are made for.
func TestWorkloadMoves(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	w := emulator.NewWorkload(everything)
	var leaked, pool []int
	var omem []int64
	seen := make(map[string]bool)
	flags := make(map[string]bool)
	dbs, commands := make(map[string]bool), make(map[string]bool)
	largest := make(map[string]int64) // output buffer, by flags
	highest, first := int64(0), int64(0)
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
			largest[s.Flags] = max(largest[s.Flags], s.OMem)
			dbs[s.DB], commands[s.Cmd] = true, true
			if s.Multi != -1 && (s.Flags != "x" || s.Multi < 1) {
				t.Errorf("session %s has flags %s and multi %d", s.ID, s.Flags, s.Multi)
			}
			if s.Multi > 0 {
				seen["transaction"] = true
			}
			if s.Idle > 3600 && s.Flags == "N" {
				seen["idle for more than an hour"] = true
			}
			if s.Age > 24*3600 && s.Idle < 10 {
				seen["old and busy"] = true
			}
			if s.PSub > 0 {
				seen["pattern"] = true
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
		if at == 0 {
			first = highest
		}
		leaked, pool, omem = append(leaked, leaks), append(pool, orders), append(omem, slow)
	}
	if n := len(leaked); leaked[n-1]-leaked[0] < 60 {
		t.Errorf("the leak: %v", leaked)
	}
	for i := range len(leaked) - 1 {
		if leaked[i+1] < leaked[i] {
			t.Errorf("the leak falls: %v", leaked)
			break
		}
	}
	if len(dbs) < 4 || len(commands) < 12 || !commands["brpop"] || !commands["blpop"] {
		t.Errorf("databases %v, commands %v", dbs, commands)
	}
	if highest-first < 1000 {
		t.Errorf("%d connections were accepted: where is the churn?", highest-first)
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
	if top < 500<<20 || top > 600<<20 || !gone || !back {
		t.Errorf("the slow reader: highest %d, restarted %v, back %v: %v", top, gone, back, omem)
	}
	if p, s := largest["P"], largest["S"]; p < 24<<20 || p > 32<<20 || s < 180<<20 || s > 256<<20 {
		t.Errorf("the largest output buffer of a subscriber is %d, that of a replica %d", p, s)
	}
	for _, f := range []string{"N", "P", "b", "O", "S", "M", "x"} {
		if !flags[f] {
			t.Errorf("no session has the flag %s", f)
		}
	}
	for _, what := range []string{"transaction", "subscription", "pattern", "ipv6", "default user", "idle for more than an hour", "old and busy"} {
		if !seen[what] {
			t.Errorf("no %s", what)
		}
	}
}

// TestWorkloadIsReproducible checks that the same seed and times give the same
// sessions, and that ids are unique and ascending.
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
		fds := make(map[string]bool)
		for _, s := range sa {
			if fds[s.FD] {
				t.Errorf("two sessions have fd %s", s.FD)
			}
			fds[s.FD] = true

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

// TestWorkloadKeepsIdentities checks that an id belongs to one connection and is
// never reused.
func TestWorkloadKeepsIdentities(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	w := emulator.NewWorkload(everything)
	type identity struct {
		addr, user string
		born       int64
	}
	known, gone := make(map[string]identity), make(map[string]bool)
	for second := range int64(600) {
		now := start.Add(time.Duration(second) * time.Second)
		here := make(map[string]bool)
		for _, s := range sessionsAt(t, w, now) {
			is := identity{s.Addr, s.User, now.Unix() - s.Age}
			if was, ok := known[s.ID]; ok && was != is {
				t.Fatalf("session %s was %v and is %v", s.ID, was, is)
			}
			if gone[s.ID] {
				t.Fatalf("session %s has come back", s.ID)
			}
			known[s.ID], here[s.ID] = is, true
		}
		for id := range known {
			gone[id] = !here[id]
		}
	}
}

// TestWorkloadIsBounded checks that the workload does not grow over a day, whether
// it is read or not, and that the leaking host restarts.
func TestWorkloadIsBounded(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	o := everything
	o.Scale = .2 // most of it is the leak, then
	w := emulator.NewWorkload(o)
	last, restarts := 0, 0
	for at := time.Duration(0); at <= 24*time.Hour; at += 10 * time.Minute {
		sessions := sessionsAt(t, w, start.Add(at))
		if n := len(sessions); n < 50 || n > 600 {
			t.Fatalf("after %s: %d sessions", at, n)
		}
		leaked := 0
		for _, s := range sessions {
			if s.User == "inventory" {
				leaked++
			}
		}
		if leaked < last {
			restarts++
		}
		last = leaked
	}
	if restarts < 20 {
		t.Errorf("%d restarts of the leaking host in a day", restarts)
	}
	if n := len(sessionsAt(t, w, start.Add(72*time.Hour))); n < 50 || n > 600 {
		t.Errorf("two days later: %d sessions", n)
	}
	if again, back := sessionsAt(t, w, start.Add(72*time.Hour)), sessionsAt(t, w, start); !reflect.DeepEqual(again, back) {
		t.Error("a clock that goes back moves the sessions")
	}
}

func TestWorkloadMasked(t *testing.T) {
	w := emulator.NewWorkload(emulator.WorkloadOptions{Masked: true, NoUsers: true})
	for _, s := range sessionsAt(t, w, time.Unix(1_700_000_000, 0)) {
		if !strings.HasPrefix(s.Addr, "198.19.") || strings.HasPrefix(s.Peer, "198.19.") {
			t.Fatalf("addr %s, peer %s", s.Addr, s.Peer)
		}
		if s.User != "" {
			t.Fatalf("user %s", s.User)
		}
	}
}

// TestWorkloadBehindProxies checks that behind proxies, only these are connected.
func TestWorkloadBehindProxies(t *testing.T) {
	w := emulator.NewWorkload(emulator.WorkloadOptions{Proxies: []string{"192.0.2.1", "192.0.2.2"}, Replica: true})
	sessions := sessionsAt(t, w, time.Unix(1_700_000_000, 0))
	for _, s := range sessions {
		if !strings.HasPrefix(s.Addr, "192.0.2.") && s.Flags != "S" {
			t.Errorf("%s is connected", s.Addr)
		}
	}
	if n := len(sessions); n < 4 || n > 12 {
		t.Errorf("%d sessions", n)
	}
}
