package collector_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// rewrite returns a fault that changes the pages of node-1 from an offset.
func rewrite(offset *int, times int, change func(page map[string]any)) emulator.Fault {
	return emulator.Fault{Operation: "list_clients", NodeID: "node-1", Offset: offset, Times: times, Rewrite: func(body []byte) []byte {
		var page map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&page); err != nil {
			return body
		}
		change(page)
		out, err := json.Marshal(page)
		if err != nil {
			return body
		}
		return out
	}}
}

// TestSizes reads lists around the size of a page.
func TestSizes(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 2000, 2001, 12345} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", n)}})
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", n)
			got.want(t, float64(n), "dcs_sessions_reported")
			got.want(t, 0, "dcs_session_exporter_torn_lists_total")
			if n == 0 {
				got.want(t, 0, "dcs_sessions_output_memory_bytes")
				got.wantNone(t, "dcs_sessions")
			}
			// A probe, and the pages.
			if want, have := 1+max(1, (n+999)/1000), h.requests("list_clients", ""); have != want {
				t.Errorf("%d requests for lists, want %d", have, want)
			}
		})
	}
}

// TestCountLies reads lists whose count is not their length.
func TestCountLies(t *testing.T) {
	count := func(v any) func(map[string]any) { return func(p map[string]any) { p["count"] = v } }
	for _, tt := range []struct {
		name     string
		sessions int
		fault    emulator.Fault
		reported float64 // -1 for absent
		want     int
		requests int // of lists at most, 0 for any number
	}{
		{"too high", 2500, rewrite(nil, 0, count(2503)), 2503, 2500, 0},
		{"too high by pages", 2500, rewrite(nil, 0, count(9_000_000_000)), 9_000_000_000, 2500, 20},
		{"too low", 2500, rewrite(nil, 0, count(1200)), 1200, 2500, 0},
		{"zero", 2500, rewrite(nil, 0, count(0)), 0, 2500, 0},
		{"missing", 2500, rewrite(nil, 0, func(p map[string]any) { delete(p, "count") }), -1, 2500, 0},
		{"negative", 2500, rewrite(nil, 0, count(-5)), -1, 2500, 0},
		{"no number", 2500, rewrite(nil, 0, count("many")), -1, 2500, 0},
		{"full pages and no more", 2000, rewrite(nil, 0, func(p map[string]any) { delete(p, "count") }), -1, 2000, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", tt.sessions)}})
			h.api.AddFault(tt.fault)
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", tt.want)
			if tt.reported < 0 {
				got.wantNone(t, "dcs_sessions_reported")
			} else {
				got.want(t, tt.reported, "dcs_sessions_reported")
			}
			if n := h.requests("list_clients", ""); tt.requests > 0 && n > tt.requests {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestTornLists lets lists change while they are read.
func TestTornLists(t *testing.T) {
	const other = "2020-01-01T00:00:00.000Z"
	older := func(p map[string]any) { p["time"] = other }
	repeat := func(p map[string]any) { // a session of the first page stands on this one too
		clients := p["clients"].([]any)
		clients[0].(map[string]any)["id"] = "1000"
	}
	for _, tt := range []struct {
		name   string
		faults []emulator.Fault
		up     bool
		torn   float64
	}{
		{"once", []emulator.Fault{rewrite(emulator.At(1000), 1, older)}, true, 1},
		{"twice", []emulator.Fault{rewrite(emulator.At(1000), 2, older)}, true, 2},
		{"always, but it is whole", []emulator.Fault{rewrite(emulator.At(1000), 0, older)}, true, 2},
		{"always, and a session is missing", []emulator.Fault{rewrite(emulator.At(1000), 0, func(p map[string]any) {
			older(p)
			p["clients"] = p["clients"].([]any)[1:]
		})}, false, 3},
		{"a repetition once", []emulator.Fault{rewrite(emulator.At(1000), 1, repeat)}, true, 1},
		{"a repetition always", []emulator.Fault{rewrite(emulator.At(1000), 0, repeat)}, false, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 2500, 5)},
				collector: func(o *collector.Options) { o.MaxSnapshotAge = 0 },
			})
			for _, f := range tt.faults {
				h.api.AddFault(f)
			}
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-2", 5)
			got.want(t, tt.torn, "dcs_session_exporter_torn_lists_total", "project_id="+projectID)
			if !tt.up {
				got.wantNodeDown(t, "node-1", dcsapi.ReasonInconsistent)
				return
			}
			got.wantNodeUp(t, "node-1", 2500)
			if strings.HasPrefix(tt.name, "always") { // the oldest time is taken
				got.want(t, 1577836800, "dcs_session_snapshot_timestamp_seconds", "node_id=node-1")
			}
		})
	}
}

// TestAnswersAreStamped reads from an API whose `time` is that of the answer.
func TestAnswersAreStamped(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	tick := func() time.Time { // each look at the clock is later
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(10 * time.Millisecond)
		return now
	}
	h := newHarness(t, setup{
		api:       emulator.Options{Now: tick, StampAnswers: true},
		instances: []emulator.Instance{instanceOf("instance-1", 2500)},
	})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 2500)
}

// TestPagesWithoutEnd reads from an API that gives the same page, or new
// sessions, for ever.
func TestPagesWithoutEnd(t *testing.T) {
	t.Run("the same page", func(t *testing.T) {
		h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 1000, 3)}})
		page, err := json.Marshal(map[string]any{"time": "2026-01-01T00:00:00Z", "clients": manySessions(1000), "count": 5000})
		if err != nil {
			t.Fatal(err)
		}
		h.api.AddFault(emulator.Fault{Operation: "list_clients", NodeID: "node-1", Body: page})
		got := h.scrape(10 * time.Second)
		got.wantNodeDown(t, "node-1", dcsapi.ReasonInconsistent)
		got.wantNodeUp(t, "node-2", 3)
		if n := h.requests("list_clients", "node-1"); n > 20 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("new sessions", func(t *testing.T) {
		if testing.Short() {
			t.Skip("reads a million sessions")
		}
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 1000)},
			client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 100_000 },
			collector: func(o *collector.Options) { o.Timeout = 2 * time.Minute },
		})
		id := 0
		h.api.AddFault(emulator.Fault{Operation: "list_clients", Rewrite: func([]byte) []byte {
			body := []byte(`{"time":"2026-01-01T00:00:00Z","count":0,"clients":[`)
			for i := range 1000 {
				if i > 0 {
					body = append(body, ',')
				}
				id++
				body = fmt.Appendf(body, `{"id":"%d"}`, id)
			}
			return append(body, "]}"...)
		}})
		got := h.scrape(2 * time.Minute)
		got.wantNodeDown(t, "node-1", dcsapi.ReasonInconsistent)
		if n := h.requests("list_clients", "node-1"); n > 1010 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestUnchangedList checks that a list that was read before is not read again.
func TestUnchangedList(t *testing.T) {
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("instance-1", 4500)},
		collector: func(o *collector.Options) { o.Scan.MinInterval = time.Hour },
	})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 4500)
	h.api.ResetRequests()
	for range 3 {
		h.scrape(10*time.Second).wantNodeUp(t, "node-1", 4500)
	}
	if lists, scans := h.requests("list_clients", ""), h.requests("scan_clients", ""); lists != 3 || scans != 0 {
		t.Errorf("%d lists and %d scans, want 3 and 0: a page is enough to see that nothing is new", lists, scans)
	}
}

// TestNewListIsWaitedFor checks that a scrape gets the list of its own scan,
// whether the API says busy meanwhile or gives the old one.
func TestNewListIsWaitedFor(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{ScanDuration: 400 * time.Millisecond, BusyDuringRescan: busy},
				instances: []emulator.Instance{instanceOf("instance-1", 20)},
				collector: func(o *collector.Options) { o.Scan.Wait = 3 * time.Second },
			})
			h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
			h.api.Change("instance-1", func(i *emulator.Instance) { i.Nodes[0].Sessions = manySessions(30) })
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", 30)
			got.wantNone(t, "dcs_node_error")
			got.want(t, 0, "dcs_session_exporter_scrape_errors_total", "reason=busy")
		})
	}
}

// TestWaitingEnds checks what is read when the new list does not come in time.
func TestWaitingEnds(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{BusyDuringRescan: busy},
				instances: []emulator.Instance{instanceOf("instance-1", 20)},
				collector: func(o *collector.Options) { o.Scan.Wait = 300 * time.Millisecond },
			})
			h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
			h.api.SetOptions(func(o *emulator.Options) { o.ScanDuration = time.Hour })
			h.api.Change("instance-1", func(i *emulator.Instance) { i.Nodes[0].Sessions = manySessions(30) })
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", 20)
			if busy {
				got.want(t, 1, "dcs_node_error", "reason=busy")
			} else {
				got.wantNone(t, "dcs_node_error")
			}
		})
	}
	t.Run("at most 40 % of the deadline", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 20)},
			collector: func(o *collector.Options) { o.Scan.Wait = time.Minute },
		})
		h.scrape(10 * time.Second)
		h.api.SetOptions(func(o *emulator.Options) { o.ScanDuration = time.Hour })
		start := time.Now()
		h.scrape(2*time.Second).wantNodeUp(t, "node-1", 20)
		if took := time.Since(start); took < 700*time.Millisecond || took > 1500*time.Millisecond {
			t.Errorf("the scrape took %s, want about 800ms", took)
		}
	})
	t.Run("never scanned and busy", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{
			api:       emulator.Options{ScanDuration: time.Hour},
			instances: []emulator.Instance{instanceOf("instance-1", 20)},
			collector: func(o *collector.Options) { o.Scan.Wait = 200 * time.Millisecond },
		})
		h.scrape(5*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonBusy)
	})
}

// TestStaleList checks that a list is used only as long as it is young enough,
// by the API's own clock: the Date header of its answers.
func TestStaleList(t *testing.T) {
	var off atomic.Int64
	h := newHarness(t, setup{
		api:       emulator.Options{Now: func() time.Time { return time.Now().Add(time.Duration(off.Load())) }},
		instances: []emulator.Instance{instanceOf("instance-1", 20)},
		collector: func(o *collector.Options) { o.Scan.MinInterval = time.Hour },
	})
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
	off.Store(int64(4 * time.Minute))
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
	off.Store(int64(6 * time.Minute))
	h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonStale)
	if lines := h.logs.take(); !strings.Contains(lines, "max_snapshot_age") {
		t.Errorf("the log does not say what to do: %s", lines)
	}
	off.Store(0)
	h.scrape(10*time.Second).wantNodeUp(t, "node-1", 20)
}
