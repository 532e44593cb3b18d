package collector_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// target returns the harness' instance.
func (h *harness) target(id string) *fleet.Target {
	h.t.Helper()
	h.collector.Fleet().AwaitInstances(h.t.Context())
	target, err := h.collector.Fleet().Target(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return target
}

func seldom(o *collector.Options) { o.Scan.MinInterval = time.Hour }

// TestScan checks that scans that people ask for and those of scrapes together
// are not sent more often than min_interval says, whoever comes first and
// however many come at once.
func TestScan(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api: emulator.Options{ScanDuration: 300 * time.Millisecond}, collector: seldom,
		instances: []emulator.Instance{instanceOf("instance-1", 10, 20)},
	})
	target := h.target("instance-1")
	if last := h.collector.Reader(target).ScanState(target.ID, "node-1"); !last.At.IsZero() || last.DueIn != 0 {
		t.Errorf("before all scans: %+v", last)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	taken, refused := 0, 0
	for range 10 {
		wait.Go(func() {
			err := h.scan(t.Context(), target, "node-1")
			mu.Lock()
			defer mu.Unlock()
			early, ok := errors.AsType[reader.ScanTooSoonError](err)
			switch {
			case err == nil:
				taken++
			case ok && early.MinInterval == time.Hour && early.DueIn > 59*time.Minute && strings.HasPrefix(err.Error(), "the node was scanned 0s ago, and scan.min_interval is 1h0m0s"):
				refused++
			default:
				t.Errorf("got %v", err)
			}
		})
		wait.Go(func() { h.scrape(10*time.Second).wantNodeUp(t, "node-2", 20) })
	}
	wait.Wait()
	if taken > 1 || taken+refused != 10 {
		t.Errorf("%d were taken, %d refused", taken, refused)
	}
	for _, node := range []string{"node-1", "node-2"} {
		if n := h.requests("scan_clients", node); n != 1 {
			t.Errorf("%d scans of %s", n, node)
		}
		if last := h.collector.Reader(target).ScanState(target.ID, node); last.At.IsZero() || last.DueIn < 59*time.Minute {
			t.Errorf("last scan of %s: %+v", node, last)
		}
	}
}

// TestScanBringsTheList checks that a scan waits for its list, and that the
// next scrape takes that.
func TestScanBringsTheList(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api: emulator.Options{ScanDuration: 300 * time.Millisecond}, collector: seldom,
		instances: []emulator.Instance{instanceOf("instance-1", 10)},
	})
	target := h.target("instance-1")
	if err := h.scan(t.Context(), target, "node-1"); err != nil {
		t.Fatal(err)
	}
	read := 0
	page, err := h.listClients(t.Context(), target, dcsapi.ListClientsRequest{NodeID: "node-1", Limit: 3}, func(sessions iter.Seq[*dcsapi.Session]) {
		for range sessions {
			read++
		}
	})
	if err != nil || page.Count != 10 || read != 3 {
		t.Errorf("the list has not come: %v, %d of %d", err, read, page.Count)
	}
	h.scrape(5*time.Second).wantNodeUp(t, "node-1", 10)
	if n := h.requests("scan_clients", ""); n != 1 {
		t.Errorf("%d scans", n)
	}
}

// TestScanFails checks what a scan that does not succeed says, and whether the
// next may be sent at once: only if the node did not get it.
func TestScanFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fault  emulator.Fault
		reason dcsapi.Reason
		again  bool
	}{
		{"refused", emulator.Fault{Status: http.StatusForbidden, Code: "DCS.2003"}, dcsapi.ReasonForbidden, false},
		{"broken", emulator.Fault{Status: http.StatusInternalServerError}, dcsapi.ReasonServer, false},
		{"held off", emulator.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"600"}}}, dcsapi.ReasonThrottled, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{
				instances: []emulator.Instance{instanceOf("instance-1", 10)},
				collector: func(o *collector.Options) { seldom(o); o.Timeout = 5 * time.Second },
			})
			target := h.target("instance-1")
			tt.fault.Operation = "scan_clients"
			h.api.SetFaults(tt.fault)
			if err := h.scan(t.Context(), target, "node-1"); dcsapi.ReasonOf(err) != tt.reason {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
			_, early := errors.AsType[reader.ScanTooSoonError](h.scan(t.Context(), target, "node-1"))
			if early == tt.again {
				t.Errorf("the next one is too early: %v", early)
			}
		})
	}
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: func(o *collector.Options) { o.Scan.Off = true }})
		err := h.scan(t.Context(), h.target("instance-1"), "node-1")
		if _, ok := errors.AsType[reader.ScanOffError](err); !ok || h.requests("scan_clients", "") != 0 {
			t.Errorf("got %v, and %d scans", err, h.requests("scan_clients", ""))
		}
	})
}

// TestScanTakesTurns checks that a scan does not disturb a scrape that reads
// the node, nor the other way round, and that neither waits for ever.
func TestScanTakesTurns(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom})
	target := h.target("instance-1")
	// held makes the next request of an operation wait until release, once it
	// has reached the API.
	held := func(operation string) (reached chan struct{}, release func()) {
		reached, let := make(chan struct{}), make(chan struct{})
		h.api.SetFaults(emulator.Fault{Operation: operation, Times: 1, Rewrite: func(body []byte) []byte {
			close(reached)
			<-let
			return body
		}})
		return reached, func() { close(let) }
	}
	var wait sync.WaitGroup

	reached, release := held("list_clients")
	wait.Go(func() { h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10) })
	<-reached
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.scan(ctx, target, "node-1"); dcsapi.ReasonOf(err) != dcsapi.ReasonTimeout || !strings.Contains(err.Error(), "a scrape has been reading the node") {
		t.Errorf("while a scrape reads: %v", err)
	}
	release()
	wait.Wait()

	*h = *newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom})
	target = h.target("instance-1")
	reached, release = held("scan_clients")
	wait.Go(func() {
		if err := h.scan(t.Context(), target, "node-1"); err != nil {
			t.Error(err)
		}
	})
	<-reached
	h.scrape(50*time.Millisecond).wantNodeDown(t, "node-1", dcsapi.ReasonTimeout)
	wait.Go(func() { h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10) })
	release()
	wait.Wait()
	if n := h.requests("scan_clients", "node-1"); n != 1 {
		t.Errorf("%d scans", n)
	}
}

// TestScansInARow checks that each scan waits for its own list, and so does the
// scrape behind them.
func TestScansInARow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api:       emulator.Options{ScanDuration: 400 * time.Millisecond},
		collector: func(o *collector.Options) { o.Scan.MinInterval = time.Millisecond; o.Scan.Wait = 10 * time.Second },
		instances: []emulator.Instance{instanceOf("instance-1", 10)},
	})
	target := h.target("instance-1")
	listTime := func() string {
		t.Helper()
		page, err := h.listClients(t.Context(), target, dcsapi.ListClientsRequest{NodeID: "node-1", Limit: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return page.Time
	}
	last := ""
	for k := range 3 {
		if err := h.scan(t.Context(), target, "node-1"); err != nil {
			t.Fatal(err)
		}
		now := listTime()
		if now == last {
			t.Errorf("scan %d has not waited for its list", k)
		}
		last = now
	}
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
	if n := h.requests("scan_clients", "node-1"); n != 4 || listTime() == last {
		t.Errorf("the scrape has not waited for its list, %d scans", n)
	}
}

// TestScanHangs checks that a scan without an answer does not keep scrapes from
// the node for longer than they would wait for a list.
func TestScanHangs(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		collector: func(o *collector.Options) { o.Timeout = time.Minute; o.Scan.Wait = 300 * time.Millisecond },
		instances: []emulator.Instance{instanceOf("instance-1", 10)},
	})
	target := h.target("instance-1")
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
	h.api.SetFaults(emulator.Fault{Operation: "scan_clients", Hang: true, Times: 1})
	if err := h.scan(t.Context(), target, "node-1"); dcsapi.ReasonOf(err) != dcsapi.ReasonTimeout {
		t.Errorf("got %v", err)
	}
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
}

// TestScanIsSeenThrough checks that a scan does not fail because who asked for
// it has gone away.
func TestScanIsSeenThrough(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom})
	target := h.target("instance-1")
	ctx, cancel := context.WithCancel(t.Context())
	h.api.SetFaults(emulator.Fault{Operation: "scan_clients", Delay: 200 * time.Millisecond})
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := h.scan(ctx, target, "node-1"); err != nil {
		t.Errorf("got %v", err)
	}
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
	if n := h.requests("scan_clients", "node-1"); n != 1 {
		t.Errorf("%d scans", n)
	}
}

// TestUnknownNodeIsHeeded checks that the nodes are looked up again when the API
// does not know one of them any more.
func TestUnknownNodeIsHeeded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 10)}, collector: seldom})
	target := h.target("instance-1")
	if _, err := target.SessionNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := h.requests("list_nodes", "")
	h.api.SetFaults(emulator.Fault{Operation: "list_clients", Status: http.StatusBadRequest, Code: "DCS.3053"})
	if _, err := h.listClients(t.Context(), target, dcsapi.ListClientsRequest{NodeID: "node-1", Limit: 1}, nil); !dcsapi.IsUnknownNode(err) {
		t.Fatalf("got %v", err)
	}
	for end := time.Now().Add(10 * time.Second); h.requests("list_nodes", "") == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the nodes were not looked up again")
		}
	}
}

// TestLateList checks that a list that has come after all is not taken for that
// of the next scan: which list there is is asked for again first.
func TestLateList(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		api: emulator.Options{ScanDuration: 600 * time.Millisecond},
		collector: func(o *collector.Options) {
			o.Scan.MinInterval = time.Millisecond
			o.Scan.Wait = 200 * time.Millisecond
		},
		instances: []emulator.Instance{instanceOf("instance-1", 10)},
	})
	target := h.target("instance-1")
	newer := func(than string) string {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			page, err := h.listClients(t.Context(), target, dcsapi.ListClientsRequest{NodeID: "node-1", Limit: 1}, nil)
			if err == nil && page.Time != than {
				return page.Time
			}
		}
		t.Fatal("no list has come")
		return ""
	}
	h.scrape(20 * time.Second)
	list := newer("")
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
	newer(list)
	h.api.ResetRequests()
	h.scrape(20*time.Second).wantNodeUp(t, "node-1", 10)
	if sent := h.operations(); len(sent) < 3 || sent[0] != "list_clients" || sent[1] != "scan_clients" {
		t.Errorf("sent %v", sent)
	}
}
