package dcsapi_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"

	"go.uber.org/goleak"
)

// The SDK does not close the bodies of a pod identity's answers: their timers
// run for ten seconds.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.setRequestCancel.func4"))
}

// staticKey is the key of a test.
func staticKey(ak, sk, token string) dcsapi.KeySource {
	return dcsapi.NewConfiguredKey(dcsapi.Secret{Value: ak}, dcsapi.Secret{Value: sk}, dcsapi.Secret{Value: token})
}

// newClient returns a client of an HTTP handler.
func newClient(t testing.TB, handler http.Handler, change func(*dcsapi.Options)) *dcsapi.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	o := dcsapi.Options{
		Region: "cn-north-4", Endpoint: server.URL, IAMEndpoint: server.URL, ProjectID: "project-1",
		Keys: staticKey("AK", "SK", ""), RequestsPerSecond: 1000, UserAgent: "test/1",
	}
	if change != nil {
		change(&o)
	}
	client := dcsapi.New(o)
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections() // such as net/http has opened and not used
		server.Close()
	})
	return client
}

// newEmulator returns an emulator with one instance of one node with sessions.
func newEmulator(sessions ...emulator.Session) *emulator.Server {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"project-1"}})
	api.Add(emulator.Instance{
		ID: "instance-1", ProjectID: "project-1", Name: "n", EnterpriseProjectID: 0, Tags: map[string]string{"a": "b"},
		Nodes: []emulator.Node{{ID: "node-1", Name: "m", Role: "redis-server", Type: "master", IP: "10.0.0.1", Sessions: emulator.Static(sessions)}},
	})
	return api
}

func listOnce(ctx context.Context, c *dcsapi.Client) (dcsapi.Page, error) {
	return c.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: "instance-1", NodeID: "node-1", Limit: 1000}, nil)
}

// TestAgainstEmulator has the client use every operation.
func TestAgainstEmulator(t *testing.T) {
	api := newEmulator(
		emulator.Session{ID: "1", Addr: "10.0.0.1:5", User: "a", OMem: 5, Multi: -1},
		emulator.Session{ID: "2", Addr: "10.0.0.2:6", User: "b c&d=é", OMem: 9},
		emulator.Session{ID: "3", Addr: "10.0.0.2:7", User: "c", OMem: 7},
	)
	c := newClient(t, api, nil)
	ctx := t.Context()
	instances, err := c.ListInstances(ctx)
	if err != nil || len(instances) != 1 || instances[0].ID != "instance-1" || !instances[0].Running() || instances[0].EnterpriseProjectID != "0" || instances[0].Tags["a"] != "b" {
		t.Errorf("instances: %+v, %v", instances, err)
	}
	one, err := c.GetInstance(ctx, "instance-1")
	if err != nil || one.Name != "n" {
		t.Errorf("instance: %+v, %v", one, err)
	}
	nodes, err := c.ListNodes(ctx, "instance-1")
	if err != nil || len(nodes) != 1 || nodes[0].ID != "node-1" || nodes[0].Port != "6379" || nodes[0].IsProxy() || nodes[0].IsReplica() {
		t.Errorf("nodes: %+v, %v", nodes, err)
	}
	if job, err := c.ScanClients(ctx, "instance-1", "node-1"); err != nil || job == "" {
		t.Errorf("scan: %q, %v", job, err)
	}
	list := func(r dcsapi.ListClientsRequest) (out []string, page dcsapi.Page) {
		r.InstanceID, r.NodeID = "instance-1", "node-1"
		page, err := c.ListClients(ctx, r, func(sessions iter.Seq[*dcsapi.Session]) {
			for s := range sessions {
				out = append(out, s.ID+strings.Clone(s.User))
			}
		})
		if err != nil {
			t.Errorf("%+v: %v", r, err)
		}
		return out, page
	}
	for _, tt := range []struct {
		request dcsapi.ListClientsRequest
		want    string
		count   int64
	}{
		{dcsapi.ListClientsRequest{}, "[1a 2b c&d=é 3c]", 3},
		{dcsapi.ListClientsRequest{Limit: 2}, "[1a 2b c&d=é]", 3},
		{dcsapi.ListClientsRequest{Offset: 2, Limit: 1}, "[3c]", 3},
		{dcsapi.ListClientsRequest{Sort: "omem", Order: "desc"}, "[2b c&d=é 3c 1a]", 3},
		{dcsapi.ListClientsRequest{Addr: "10.0.0.2"}, "[2b c&d=é 3c]", 2},
	} {
		got, page := list(tt.request)
		if fmt.Sprint(got) != tt.want || page.Count != tt.count || page.Taken.IsZero() || page.Date.IsZero() {
			t.Errorf("%+v: got %v, %+v; want %s of %d", tt.request, got, page, tt.want, tt.count)
		}
	}
}

// TestErrors checks what becomes of answers that are no success.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		status   int
		header   http.Header
		body     string
		reason   dcsapi.Reason
		requests int
		says     string
	}{
		{"DCS", 403, http.Header{"X-Request-Id": {"r1"}}, `{"error_code":"DCS.2003","error_msg":"no","error_ext_msg":"ext"}`, dcsapi.ReasonForbidden, 1, "list sessions of node node-1 of instance instance-1: HTTP 403 DCS.2003: no: ext (request id r1)"},
		{"gateway", 401, nil, `{"error_code":"APIGW.0301","error_msg":"bad","request_id":"r2"}`, dcsapi.ReasonAuth, 1, "HTTP 401 APIGW.0301: bad (request id r2)"},
		{"IAM", 401, nil, `{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}`, dcsapi.ReasonAuth, 1, "requires authentication"},
		{"HTML", 502, nil, "<html><head><title>502 Bad Gateway</title></head>\n<body>nginx</body></html>", dcsapi.ReasonServer, 3, "HTTP 502: response is not JSON: 502 Bad Gateway nginx"},
		{"nothing", 503, nil, "", dcsapi.ReasonServer, 3, "HTTP 503: empty response"},
		{"code before status", 500, nil, `{"error_code":"DCS.5053"}`, dcsapi.ReasonNotFound, 1, "DCS.5053"},
		{"throttled by code", 400, http.Header{"Retry-After": {"100"}}, `{"error_code":"APIG.0308"}`, dcsapi.ReasonThrottled, 1, "APIG.0308"},
		{"unsupported", 400, nil, `{"error_code":"DCS.4848"}`, dcsapi.ReasonUnsupported, 1, "DCS.4848"},
		{"busy", 400, nil, `{"error_code":"DCS.4957"}`, dcsapi.ReasonBusy, 1, "DCS.4957"},
		{"instance state", 400, nil, `{"error_code":"DCS.4026"}`, dcsapi.ReasonOther, 1, "DCS.4026"},
		{"redirect", 302, http.Header{"Location": {"https://login.example/?token=x"}}, "", dcsapi.ReasonOther, 1, "redirects are not followed (to login.example): check the endpoint"},
		{"odd JSON", 400, nil, `{"error":"x","error_msg":["a"]}`, dcsapi.ReasonOther, 1, "HTTP 400"},
		{"echo of the key", 400, nil, `{"error_msg":"AK=SECRETAK SK=SECRETSK token=SECRETTOKEN"}`, dcsapi.ReasonOther, 1, "AK=<redacted> SK=<redacted> token=<redacted>"},
		{"long and odd", 400, nil, `{"error_msg":"a\u0007b\n` + strings.Repeat("x", 5000) + `"}`, dcsapi.ReasonOther, 1, "a b xxx"},
		{"proxy", 407, nil, "", dcsapi.ReasonNetwork, 1, "HTTP 407: the proxy wants a user name and password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				n.Add(1)
				for k, v := range tt.header {
					w.Header()[k] = v
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}), func(o *dcsapi.Options) { o.Keys = staticKey("SECRETAK", "SECRETSK", "SECRETTOKEN") })
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := listOnce(ctx, c)
			if dcsapi.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 700 {
				t.Errorf("got %s: %v; want %s: %s", dcsapi.ReasonOf(err), err, tt.reason, tt.says)
			}
			if int(n.Load()) != tt.requests {
				t.Errorf("%d requests, want %d", n.Load(), tt.requests)
			}
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("a secret: %v", err)
			}
			e, ok := errors.AsType[*dcsapi.Error](err)
			if !ok || e.Status != tt.status {
				t.Errorf("the error is %#v", err)
			}
		})
	}
}

// TestRepeats checks which requests are sent again.
func TestRepeats(t *testing.T) {
	t.Run("heals at the third", func(t *testing.T) {
		api := newEmulator(emulator.Session{ID: "1"})
		c := newClient(t, api, nil)
		if _, err := c.ScanClients(t.Context(), "instance-1", "node-1"); err != nil {
			t.Fatal(err)
		}
		api.AddFault(emulator.Fault{Operation: "list_clients", Times: 2, Status: 503})
		if page, err := listOnce(t.Context(), c); err != nil || page.Sessions != 1 {
			t.Errorf("got %+v, %v", page, err)
		}
	})
	t.Run("a scan never", func(t *testing.T) {
		for _, f := range []emulator.Fault{{Status: 503}, {Status: 429}, {Reset: true}, {CutAfter: 3}} {
			api := newEmulator()
			c := newClient(t, api, nil)
			f.Operation = "scan_clients"
			api.AddFault(f)
			if _, err := c.ScanClients(t.Context(), "instance-1", "node-1"); err == nil || dcsapi.IsUnsent(err) {
				t.Errorf("%+v: got %v", f, err)
			}
			if n := len(api.Requests()); n != 1 {
				t.Errorf("%+v: %d requests", f, n)
			}
		}
	})
	t.Run("a scan that found no connection", func(t *testing.T) {
		c := newClient(t, newEmulator(), func(o *dcsapi.Options) { o.Endpoint = "http://127.0.0.1:1" })
		start := time.Now()
		_, err := c.ScanClients(t.Context(), "instance-1", "node-1")
		if !dcsapi.IsUnsent(err) || dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || time.Since(start) == 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("those of callers who do it themselves", func(t *testing.T) {
		api := newEmulator()
		c := newClient(t, api, nil)
		_, err := c.ListClients(t.Context(), dcsapi.ListClientsRequest{InstanceID: "instance-1", NodeID: "node-1", NoRetry: true}, nil)
		if n := len(api.Requests()); err == nil || n != 1 {
			t.Errorf("%d requests, %v", n, err)
		}
	})
	t.Run("not beyond the deadline", func(t *testing.T) {
		api := newEmulator()
		c := newClient(t, api, nil)
		api.AddFault(emulator.Fault{Operation: "list_clients", Status: 503, Header: http.Header{"Retry-After": {"30"}}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := listOnce(ctx, c); dcsapi.ReasonOf(err) != dcsapi.ReasonServer || time.Since(start) > time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// TestContextIsObeyed checks that a call returns soon after its context ends,
// wherever it waits.
func TestContextIsObeyed(t *testing.T) {
	api := newEmulator()
	api.AddFault(emulator.Fault{Hang: true})
	c := newClient(t, api, func(o *dcsapi.Options) { o.MaxConcurrentRequests, o.RequestsPerSecond = 1, 0.1 })
	t.Cleanup(api.Close)
	var wait sync.WaitGroup
	for range 4 { // one in flight, others before gate, rate and slot
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := listOnce(ctx, c)
			if dcsapi.ReasonOf(err) != dcsapi.ReasonTimeout || time.Since(start) > time.Second {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		})
	}
	wait.Wait()
}

// TestLimits checks that no more requests are in flight than allowed, and that
// the rate is kept.
func TestLimits(t *testing.T) {
	var inFlight, most atomic.Int64
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
		_, _ = w.Write([]byte(`{"clients":[],"count":0}`))
	}), func(o *dcsapi.Options) { o.MaxConcurrentRequests, o.RequestsPerSecond = 3, 20 })
	start := time.Now()
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			if _, err := listOnce(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() > 3 {
		t.Errorf("%d requests in flight, 3 are allowed", most.Load())
	}
	if took := time.Since(start); took < 450*time.Millisecond { // 20 at once, 10 more at 20 a second
		t.Errorf("30 requests took %s at 20 a second", took)
	}
}

// TestKeysDoNotPrint checks that no verb shows a key.
func TestKeysDoNotPrint(t *testing.T) {
	k, s := dcsapi.Key{AccessKey: "HIDDEN", SecretKey: "HIDDEN"}, dcsapi.Secret{Value: "HIDDEN"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb+verb+verb, k, s, &k); strings.Contains(text, "HIDDEN") || strings.Contains(text, "48494") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// TestClockIsMentioned checks that a refusal tells how far the clock is off.
func TestClockIsMentioned(t *testing.T) {
	api := emulator.New(emulator.Options{Now: func() time.Time { return time.Now().Add(-20 * time.Minute) }})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"project-1"}})
	c := newClient(t, api, nil)
	_, err := c.ListInstances(t.Context())
	if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || !strings.Contains(err.Error(), "this machine's clock is 20m") {
		t.Errorf("got %v", err)
	}
}

func TestBadIDs(t *testing.T) {
	api := newEmulator()
	c := newClient(t, api, nil)
	for _, id := range []string{"", "..", "a/b", "a?b", "a b", "%2e"} {
		if _, err := c.ListNodes(t.Context(), id); err == nil {
			t.Errorf("%q was asked for", id)
		}
	}
	if n := len(api.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
