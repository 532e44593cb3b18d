package collector_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestShortPages reads lists from servers that put fewer sessions on a page
// than they are asked for, or hide some of each page.
func TestShortPages(t *testing.T) {
	lie := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		name     string
		api      emulator.Options
		sessions int
		want     int
		reported float64 // -1 for absent
		requests int     // of lists at most
	}{
		{"100 a page", emulator.Options{PageCap: 100}, 2500, 2500, 2500, 40},
		{"500 a page", emulator.Options{PageCap: 500}, 2500, 2500, 2500, 10},
		{"999 a page", emulator.Options{PageCap: 999}, 2500, 2500, 2500, 8},
		{"100 a page, the last one short", emulator.Options{PageCap: 100}, 2345, 2345, 2345, 60},
		{"one a page", emulator.Options{PageCap: 1}, 20, 20, 20, 30},
		{"one of each page hidden", emulator.Options{HidePerPage: 1}, 2500, 2497, 2500, 8},
		{"one of each page of 100 hidden", emulator.Options{HidePerPage: 1, PageCap: 100}, 2500, 2475, 2500, 40},
		{"one of each page of 500 hidden", emulator.Options{HidePerPage: 1, PageCap: 500}, 2345, 2340, 2345, 12},
		{"two hidden somewhere", emulator.Options{HideAt: []int{10, 2500}}, 3335, 3333, 3335, 8},
		{"counted but not listed", emulator.Options{HiddenSessions: 2}, 48, 48, 50, 4},
		{"counted but not listed, 100 a page", emulator.Options{HiddenSessions: 7, PageCap: 100}, 2345, 2345, 2352, 60},
		{"100 a page, count 2^40", emulator.Options{PageCap: 100, Count: lie(1 << 40)}, 2345, 2345, 1 << 40, 60},
		{"100 a page, count negative", emulator.Options{PageCap: 100, Count: lie(-1)}, 2345, 2345, -1, 60},
		{"100 a page, count 7", emulator.Options{PageCap: 100, Count: lie(7)}, 2345, 2345, 7, 60},
		{"100 a page, count 100", emulator.Options{PageCap: 100, Count: lie(100)}, 100, 100, 100, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{api: tt.api, instances: []emulator.Instance{instanceOf("instance-1", tt.sessions)}})
			for range 2 { // the second list is read with what the first has taught
				h.api.ResetRequests()
				got := h.scrape(10 * time.Second)
				got.wantNodeUp(t, "node-1", tt.want)
				got.want(t, 0, "dcs_session_exporter_torn_lists_total")
				if tt.reported < 0 {
					got.wantNone(t, "dcs_sessions_reported")
				} else {
					got.want(t, tt.reported, "dcs_sessions_reported")
				}
				if n := h.requests("list_clients", ""); n > tt.requests {
					t.Errorf("%d requests, want %d at most", n, tt.requests)
				}
			}
		})
	}
}

// TestPagesThatRepeat reads from a server that does not heed offsets.
func TestPagesThatRepeat(t *testing.T) {
	for _, pageCap := range []int{0, 100} {
		t.Run(fmt.Sprintf("cap %d", pageCap), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{RepeatPages: true, PageCap: pageCap},
				instances: []emulator.Instance{instanceOf("instance-1", 2500)},
			})
			h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonInconsistent)
			if n := h.requests("list_clients", ""); n > 15 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestHiddenSessionsCostOnce checks that sessions that are counted but not
// listed cost a further request when the difference is first seen, when it
// changes, and after discovery_interval, but not with every list.
func TestHiddenSessionsCostOnce(t *testing.T) {
	for _, tt := range []struct {
		name     string
		sessions int
		pages    int
		hide     func(*emulator.Options, int)
	}{
		{"counted only", 48, 1, func(o *emulator.Options, n int) { o.HiddenSessions = n }},
		{"counted only, two pages", 1048, 2, func(o *emulator.Options, n int) { o.HiddenSessions = n }},
		{"left out of the page", 50, 1, func(o *emulator.Options, n int) { o.HidePerPage = n }},
		{"left out of three pages", 2500, 3, func(o *emulator.Options, n int) { o.HidePerPage = n }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const interval = 5 * time.Second
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", tt.sessions)},
				collector: func(o *collector.Options) { o.DiscoveryInterval = interval },
			})
			// lists returns the requests that a scrape takes, without polls for
			// the new list.
			lists := func() int {
				h.api.ResetRequests()
				if got := h.scrape(10 * time.Second); got.sum("dcs_node_up") != 1 {
					t.Fatal("the node is not read")
				}
				n := 0
				for _, r := range h.api.Requests() {
					if r.Operation == "list_clients" && (r.Offset > 0 || r.Limit == 1000) {
						n++
					}
				}
				return n
			}
			want := func(when string, extra int) {
				t.Helper()
				if n := lists(); n != tt.pages+extra {
					t.Errorf("%s: %d pages are read, want %d", when, n, tt.pages+extra)
				}
			}
			h.api.SetOptions(func(o *emulator.Options) { tt.hide(o, 2) })
			want("at first", 1)
			want("then", 0)
			h.api.SetOptions(func(o *emulator.Options) { tt.hide(o, 3) })
			want("when the difference changes", 1)
			verified := time.Now()
			want("then", 0)
			time.Sleep(time.Until(verified.Add(interval)))
			want("after discovery_interval", 1)
		})
	}
}

// TestMostIsHidden reads a list that counts far more sessions than it shows.
func TestMostIsHidden(t *testing.T) {
	h := newHarness(t, setup{api: emulator.Options{HiddenSessions: 100}, instances: []emulator.Instance{instanceOf("instance-1", 5, 95)}})
	got := h.scrape(10 * time.Second)
	got.wantNodeUp(t, "node-1", 5)
	got.want(t, 1, "dcs_node_error", "node_id=node-1", "reason=inconsistent")
	got.wantNone(t, "dcs_node_error", "node_id=node-2")
	if lines := h.logs.take(); !strings.Contains(lines, "counts 105 sessions and lists 5") {
		t.Errorf("the log has\n%s", lines)
	}
}

// TestRepeatedIDs reads lists on which ids do not tell sessions apart.
func TestRepeatedIDs(t *testing.T) {
	session := func(id, addr, fd string) emulator.Session {
		return emulator.Session{ID: id, Addr: addr, FD: fd, Flags: "N", User: "u"}
	}
	for _, tt := range []struct {
		name     string
		api      emulator.Options
		sessions emulator.Static
		want     int // 0 for a node that cannot be read
	}{
		{"other addr", emulator.Options{}, emulator.Static{session("1", "10.0.0.1:1", "8"), session("1", "10.0.0.2:1", "8"), session("2", "10.0.0.3:1", "8")}, 3},
		{"other fd", emulator.Options{}, emulator.Static{session("1", "10.0.0.1:1", "8"), session("1", "10.0.0.1:1", "9"), session("2", "10.0.0.3:1", "8")}, 3},
		{"three of one id", emulator.Options{}, emulator.Static{session("1", "10.0.0.1:1", "8"), session("1", "10.0.0.1:1", "9"), session("1", "10.0.0.3:1", "8")}, 3},
		{"the same session", emulator.Options{}, emulator.Static{session("1", "10.0.0.1:1", "8"), session("1", "10.0.0.1:1", "8"), session("2", "10.0.0.3:1", "8")}, 0},
		{"pairs over three pages", emulator.Options{RepeatIDs: true}, manySessions(2500), 2500},
		{"pairs across the ends of pages", emulator.Options{RepeatIDs: true, PageCap: 999}, manySessions(2500), 2500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			instance := instanceOf("instance-1", 1)
			instance.Nodes[0].Sessions = tt.sessions
			h := newHarness(t, setup{api: tt.api, instances: []emulator.Instance{instance}})
			if tt.want == 0 {
				h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonInconsistent)
				return
			}
			for range 2 {
				got := h.scrape(10 * time.Second)
				got.wantNodeUp(t, "node-1", tt.want)
				got.want(t, 0, "dcs_session_exporter_torn_lists_total")
				got.want(t, 0, "dcs_sessions_opened_total")
				got.want(t, 0, "dcs_sessions_closed_total")
			}
		})
	}
}

// TestTimeForms reads lists whose time is written in other ways than
// documented.
func TestTimeForms(t *testing.T) {
	for _, form := range []string{"", "space", "zoneless", "offset", "seconds", "millis", "seconds-text", "millis-text"} {
		t.Run("form "+form, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{TimeForm: form},
				instances: []emulator.Instance{instanceOf("instance-1", 5)},
			})
			got := h.scrape(10 * time.Second)
			got.wantNodeUp(t, "node-1", 5)
			got.wantNone(t, "dcs_node_error")
			if at := got.sum("dcs_session_snapshot_timestamp_seconds"); math.Abs(at-float64(time.Now().Unix())) > 15 {
				t.Errorf("the list was taken at %v", at)
			}
		})
	}
	for _, form := range []string{"garbage", "none", "null"} {
		t.Run("form "+form, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				api:       emulator.Options{TimeForm: form},
				instances: []emulator.Instance{instanceOf("instance-1", 5)},
				collector: func(o *collector.Options) { o.Scan.Wait = 300 * time.Millisecond },
			})
			for i := range 2 {
				h.api.Change("instance-1", func(inst *emulator.Instance) { inst.Nodes[0].Sessions = manySessions(5 + i) })
				got := h.scrape(10 * time.Second)
				got.wantNodeUp(t, "node-1", 5+i) // no list stands for another one
				got.want(t, 1, "dcs_node_error", "node_id=node-1", "reason=undated")
				got.wantNone(t, "dcs_session_snapshot_timestamp_seconds")
				if total := got.sum("dcs_session_exporter_scrape_errors_total"); total != 0 {
					t.Errorf("%v errors are counted", total)
				}
				want := 1 - i
				if lines := h.logs.take(); strings.Count(lines, "reason=undated") != want || strings.Count(lines, "max_snapshot_age") != want {
					t.Errorf("scrape %d: the log has\n%s", i, lines)
				}
			}
			h.api.SetOptions(func(o *emulator.Options) { o.TimeForm = "" })
			h.scrape(10*time.Second).wantNone(t, "dcs_node_error")
			h.logs.take()
			h.api.SetOptions(func(o *emulator.Options) { o.TimeForm = form })
			h.scrape(10 * time.Second)
			if lines := h.logs.take(); strings.Count(lines, "reason=undated") != 1 {
				t.Errorf("when it begins again, the log has\n%s", lines)
			}
		})
	}
}

// tooLarge returns a change of the client's options that puts a server in front
// of the API: of the session lists of node-1 it announces an answer of 17 MiB
// where its sessions include one for which large is true.
func tooLarge(t *testing.T, large func(session int) bool) func(*dcsapi.Options) {
	return func(o *dcsapi.Options) {
		target, err := url.Parse(o.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		}}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			if r.Method == http.MethodGet && query.Get("node_id") == "node-1" {
				offset, _ := strconv.Atoi(query.Get("offset"))
				limit, _ := strconv.Atoi(query.Get("limit"))
				for i := offset; i < offset+limit; i++ {
					if large(i) {
						w.Header().Set("Content-Length", strconv.Itoa(17<<20))
						_, _ = w.Write([]byte(`{"time":`))
						return
					}
				}
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		o.Endpoint = server.URL
	}
}

// TestTooLarge reads lists with sessions that no answer may hold: only those
// are lost, unless they are many.
func TestTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name     string
		large    func(int) bool
		want     int // 0 for a node that cannot be read
		requests int
	}{
		{"in the middle", func(i int) bool { return i == 1250 }, 2499, 40},
		{"the first", func(i int) bool { return i == 0 }, 2499, 60},
		{"the last", func(i int) bool { return i == 2499 }, 2499, 40},
		{"three", func(i int) bool { return i == 7 || i == 8 || i == 2000 }, 2497, 80},
		{"all", func(int) bool { return true }, 0, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 2500, 10)},
				client:    tooLarge(t, tt.large),
			})
			got := h.scrape(20 * time.Second)
			got.wantNodeUp(t, "node-2", 10)
			if n := got.sum("dcs_session_exporter_api_requests_total", "operation=list_clients"); n > float64(tt.requests) {
				t.Errorf("%v requests, want %d at most", n, tt.requests)
			}
			lines := h.logs.take()
			if tt.want == 0 {
				got.wantNodeDown(t, "node-1", dcsapi.ReasonDecode)
				if !strings.Contains(lines, "larger than 16 MiB") {
					t.Errorf("the log has\n%s", lines)
				}
				return
			}
			got.wantNodeUp(t, "node-1", tt.want)
			got.want(t, 2500, "dcs_sessions_reported", "node_id=node-1")
			got.want(t, 1, "dcs_node_error", "node_id=node-1", "reason=decode")
			if want := fmt.Sprintf("%d of 2500 sessions cannot be read", 2500-tt.want); !strings.Contains(lines, want) {
				t.Errorf("the log lacks %q:\n%s", want, lines)
			}
		})
	}
}

// TestFirstFailureIsTheReason lets a scan be refused where there is no list, or
// only an old one.
func TestFirstFailureIsTheReason(t *testing.T) {
	t.Run("never scanned", func(t *testing.T) {
		h := newHarness(t, setup{
			api:       emulator.Options{RefuseScans: true},
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
		})
		got := h.scrape(10 * time.Second)
		got.wantNodeDown(t, "node-1", dcsapi.ReasonForbidden)
		got.want(t, 1, "dcs_session_exporter_scrape_errors_total", "reason=forbidden")
		got.want(t, 0, "dcs_session_exporter_scrape_errors_total", "reason=server")
		for _, part := range []string{"scan sessions of node node-1", "DCS.2003", "list sessions of node node-1", "DCS.5000"} {
			if lines := h.logs.take(); !strings.Contains(lines, part) && part != "" {
				t.Errorf("the log lacks %q:\n%s", part, lines)
				break
			} else if _, err := h.logs.Write([]byte(lines)); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("too old", func(t *testing.T) {
		h := newHarness(t, setup{
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
			collector: func(o *collector.Options) { o.MaxSnapshotAge = time.Second },
		})
		h.scrape(10*time.Second).wantNodeUp(t, "node-1", 5)
		h.api.SetOptions(func(o *emulator.Options) { o.RefuseScans = true })
		time.Sleep(2100 * time.Millisecond) // Date headers have whole seconds
		h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonForbidden)
	})
	t.Run("a list that fails by itself", func(t *testing.T) {
		h := newHarness(t, setup{
			api:       emulator.Options{RefuseScans: true},
			instances: []emulator.Instance{instanceOf("instance-1", 5)},
			faults:    []emulator.Fault{{Operation: "list_clients", Status: 200, Body: []byte("<html>")}},
		})
		h.scrape(10*time.Second).wantNodeDown(t, "node-1", dcsapi.ReasonDecode)
	})
}
