package replay_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/recording"
	"dcs_session_exporter/internal/replay"
)

var (
	recordedAt = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	replayedAt = time.Date(2026, 9, 1, 20, 0, 0, 0, time.UTC)
)

const (
	instances = "/v2/p1/instances"
	nodes     = "/v2/p1/instances-logical-nodes"
	clients   = instances + "/i1/clients"
)

// exchange returns a recorded exchange.
func exchange(method, uri string, status int, body string) recording.Exchange {
	u, err := url.Parse(uri)
	if err != nil {
		panic(err)
	}
	x := recording.Exchange{
		At: recordedAt, Request: recording.Request{Method: method, Path: u.Path, Query: u.Query()},
		Response: &recording.Response{Status: status, Length: len(body), Headers: map[string]string{"Date": recordedAt.Format(http.TimeFormat), "Content-Type": "application/json"}},
	}
	if json.Valid([]byte(body)) {
		x.Response.Body = json.RawMessage(body)
	}
	return x
}

// serve serves exchanges. now is the time of the replay.
func serve(t *testing.T, now func() time.Time, exchanges ...recording.Exchange) *httptest.Server {
	t.Helper()
	api, err := replay.New(&recording.Recording{Manifest: recording.Manifest{Projects: []recording.Project{{Region: "cn-north-4", ID: "p1"}}}, Exchanges: exchanges}, now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server
}

func fixed() time.Time { return replayedAt }

// ask returns the answer to a request.
func ask(t *testing.T, server *httptest.Server, method, uri, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "broken"
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp, string(content) + " broken"
	}
	return resp, string(content)
}

// TestAnswers checks what requests are answered.
func TestAnswers(t *testing.T) {
	html := exchange(http.MethodGet, "/v2/p1/html", 502, "<html></html>")
	html.Response.Headers["Content-Type"] = "text/html"
	cut := exchange(http.MethodGet, "/v2/p1/cut", 200, `{"name":`)
	cut.Failure = recording.FailureCut
	reset := recording.Exchange{At: recordedAt, Request: recording.Request{Method: http.MethodGet, Path: "/v2/p1/reset"}, Failure: recording.FailureNetwork}
	marked := exchange(http.MethodGet, "/v2/p1/marked", 200, `{}`)
	marked.Response.BOM = true
	server := serve(t, fixed,
		exchange(http.MethodGet, instances+"?limit=1000", 200, `{"instance_num":2,"instances":[{"instance_id":"I1","name":"a"},{"instance_id":"i2","name":"b"}]}`),
		exchange(http.MethodGet, nodes+"?limit=100", 200, `{"count":1,"instances":[{"instance_id":"i1","node_count":1,"nodes":[{"node_id":"n1"}]}]}`),
		exchange(http.MethodGet, clients+"?limit=2&node_id=n1", 200, `{"time":"x","count":3,"extra":1,"clients":[{"id":"1","addr":"10.0.0.1:9","omem":5},{"id":"2","addr":"10.0.0.2:9","omem":100}]}`),
		exchange(http.MethodGet, clients+"?limit=2&node_id=n1&offset=2", 200, `{"time":"x","count":3,"clients":[{"id":"3","addr":"10.0.0.1:8","omem":20}]}`),
		exchange(http.MethodGet, clients+"?limit=1&node_id=n1", 200, `{"time":"y","count":1,"clients":[{"id":"9"}]}`),
		exchange(http.MethodGet, clients+"?limit=1000&node_id=n2", 500, `{"error_code":"DCS.5000"}`),
		exchange(http.MethodGet, instances+"/i3", 503, `{}`),
		exchange(http.MethodGet, instances+"/i3", 404, `{"error_code":"DCS.3022"}`),
		exchange(http.MethodPost, instances+"/refused/clients", 403, `{"error_code":"DCS.2003"}`),
		html, cut, reset, marked,
	)
	for _, tt := range []struct {
		name, method, uri string
		status            int
		want              string
	}{
		{"the same request", http.MethodGet, instances + "?limit=1000", 200, `{"instance_num":2,"instances":[{"instance_id":"I1","name":"a"},{"instance_id":"i2","name":"b"}]}`},
		{"parameters in another order", http.MethodGet, clients + "?node_id=n1&limit=1", 200, `{"time":"y","count":1,"clients":[{"id":"9"}]}`},
		{"a shorter page", http.MethodGet, instances + "?limit=1&offset=1", 200, `{"instance_num":2,"instances":[{"instance_id":"i2","name":"b"}]}`},
		{"a longer page", http.MethodGet, clients + "?node_id=n1&limit=1000&offset=1", 200, `{"clients":[{"id":"2","addr":"10.0.0.2:9","omem":100},{"id":"3","addr":"10.0.0.1:8","omem":20}],"count":3,"extra":1,"time":"x"}`},
		{"after the end", http.MethodGet, clients + "?node_id=n1&limit=1000&offset=3", 200, `{"clients":[],"count":3,"extra":1,"time":"x"}`},
		{"sorted", http.MethodGet, clients + "?node_id=n1&limit=1&sort=omem&order=desc", 200, `{"clients":[{"id":"2","addr":"10.0.0.2:9","omem":100}],"count":3,"extra":1,"time":"x"}`},
		{"of an address", http.MethodGet, clients + "?node_id=n1&addr=10.0.0.1&sort=omem", 200, `{"clients":[{"id":"1","addr":"10.0.0.1:9","omem":5},{"id":"3","addr":"10.0.0.1:8","omem":20}],"count":2,"extra":1,"time":"x"}`},
		{"an instance of the list", http.MethodGet, instances + "/i1", 200, `{"instance_id":"I1","name":"a"}`},
		{"nodes of the list", http.MethodGet, instances + "/I1/logical-nodes", 200, `{"instance_id":"i1","nodes":[{"node_id":"n1"}],"total":1}`},
		{"nodes that are not listed", http.MethodGet, instances + "/i2/logical-nodes", 404, `{"error_code":"REPLAY.404","error_msg":"the recording has no such request: GET /v2/p1/instances/i2/logical-nodes"}`},
		{"the last of several answers", http.MethodGet, instances + "/i3", 404, `{"error_code":"DCS.3022"}`},
		{"a node without a list", http.MethodGet, clients + "?node_id=n2&limit=1000", 500, `{"error_code":"DCS.5000"}`},
		{"a scan that was not recorded", http.MethodPost, clients, 200, `{"job_id":"replayed"}`},
		{"a scan that was refused", http.MethodPost, instances + "/refused/clients", 403, `{"error_code":"DCS.2003"}`},
		{"another method", http.MethodDelete, instances, 404, `{"error_code":"REPLAY.404","error_msg":"the recording has no such request: DELETE /v2/p1/instances"}`},
		{"no JSON", http.MethodGet, "/v2/p1/html", 502, "xxxxxxxxxxxxx"},
		{"a body that was cut", http.MethodGet, "/v2/p1/cut", 200, "xxxxxxxx broken"},
		{"no answer", http.MethodGet, "/v2/p1/reset", 0, "broken"},
		{"a byte order mark", http.MethodGet, "/v2/p1/marked", 200, "\uFEFF{}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := ask(t, server, tt.method, tt.uri, "")
			if resp != nil && resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestTimes checks that lists are as old as they were, in all forms of times.
func TestTimes(t *testing.T) {
	for _, tt := range []struct{ recorded, want string }{
		{`"2026-03-01T07:59:00.123Z"`, `"2026-09-01T19:59:00.123Z"`},
		{`"2026-03-01 07:59:00"`, `"2026-09-01 19:59:00"`},
		{`"2026-03-01T07:59:00"`, `"2026-09-01T19:59:00"`},
		{`"2026-03-01T15:59:00+0800"`, `"2026-09-02T03:59:00+0800"`},
		{`"2026-03-01T15:59:00+08:00"`, `"2026-09-02T03:59:00+08:00"`},
		{`"2026-03-01 07:59:00 UTC"`, `"2026-09-01 19:59:00 UTC"`},
		{`1772351940`, `1788292740`},
		{`"1772351940000"`, `"1788292740000"`},
		{`"yesterday"`, `"yesterday"`},
		{`null`, `null`},
		{`{"a":1}`, `{"a":1}`},
	} {
		server := serve(t, fixed, exchange(http.MethodGet, clients+"?node_id=n1", 200, `{"count":0,"time":`+tt.recorded+`,"clients":[]}`))
		resp, got := ask(t, server, http.MethodGet, clients+"?node_id=n1", "")
		if want := `{"count":0,"time":` + tt.want + `,"clients":[]}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if date := resp.Header.Get("Date"); date != replayedAt.Format(http.TimeFormat) {
			t.Errorf("Date %s", date)
		}
	}
}

// TestClock checks that the API's clock is as wrong as it was, and that an answer
// without a date gets none.
func TestClock(t *testing.T) {
	wrong, undated := exchange(http.MethodGet, instances, 200, `{}`), exchange(http.MethodGet, nodes, 200, `{}`)
	wrong.Response.Headers["Date"] = recordedAt.Add(-7 * time.Minute).Format(http.TimeFormat)
	delete(undated.Response.Headers, "Date")
	server := serve(t, fixed, wrong, undated)
	if resp, _ := ask(t, server, http.MethodGet, instances, ""); resp.Header.Get("Date") != replayedAt.Add(-7*time.Minute).Format(http.TimeFormat) {
		t.Errorf("Date %s", resp.Header.Get("Date"))
	}
	if resp, _ := ask(t, server, http.MethodGet, nodes, ""); resp.Header.Get("Date") != "" {
		t.Errorf("Date %s", resp.Header.Get("Date"))
	}
}

// TestScan checks that a scan makes the recorded list of its node, and of no other,
// a new one.
func TestScan(t *testing.T) {
	now := replayedAt
	list := func(node string) recording.Exchange {
		return exchange(http.MethodGet, clients+"?node_id="+node, 200, `{"time":"2026-03-01T07:00:00.000Z","clients":[]}`)
	}
	server := serve(t, func() time.Time { return now }, list("n1"), list("n2"))
	now = now.Add(time.Hour)
	if _, got := ask(t, server, http.MethodPost, clients, `{"node_id":"n1"}`); got != `{"job_id":"replayed"}` {
		t.Errorf("the scan is answered %s", got)
	}
	now = now.Add(time.Minute)
	for node, want := range map[string]string{"n1": "2026-09-01T21:00:00.000Z", "n2": "2026-09-01T19:00:00.000Z"} {
		if _, got := ask(t, server, http.MethodGet, clients+"?node_id="+node, ""); !strings.Contains(got, want) {
			t.Errorf("node %s: %s, want %s", node, got, want)
		}
	}
}

// TestRefuses checks that a manifest that has been tampered with is refused.
func TestRefuses(t *testing.T) {
	for name, projects := range map[string][]recording.Project{
		"no projects": nil,
		"region":      {{Region: "x\"\ny: z"}},
		"instance":    {{Region: "r", Configured: []recording.Instance{{ID: "a b"}}}},
		"node":        {{Region: "r", Configured: []recording.Instance{{ID: "a", Nodes: []string{""}}}}},
		"discovered":  {{Region: "r", Discovered: []string{"../x"}}},
		"project":     {{Region: "r", ID: "a/b"}},
	} {
		if _, err := replay.New(&recording.Recording{Manifest: recording.Manifest{Projects: projects}}, fixed); err == nil {
			t.Errorf("%s: it is accepted", name)
		}
	}
}

// TestConfig checks that the exporter accepts the configuration, and what it says.
func TestConfig(t *testing.T) {
	api, err := replay.New(&recording.Recording{
		Manifest: recording.Manifest{Projects: []recording.Project{
			{Region: "cn-north-4", ID: "p1", Discover: recording.DiscoverSome, Discovered: []string{"i1"}, ReadReplicas: true, MaxClients: 7},
			{Region: "cn-north-1", Configured: []recording.Instance{{ID: "i2", Nodes: []string{"n1", "n2"}, MaxClients: 5}}, Discover: recording.DiscoverAll, MaxClients: 8},
			{Region: "cn-east-3", ID: "p3", Discover: recording.DiscoverSome, Discovered: []string{"i4"}, MaxClients: 9},
			{Region: "cn-east-4", ID: "p4", Discover: recording.DiscoverSome},
		}},
		Exchanges: []recording.Exchange{exchange(http.MethodGet, instances+"?limit=1000", 200, `{"instances":[{"instance_id":"i1","name":"name-1"},{"instance_id":"i9","name":"name-2"}]}`)},
	}, fixed)
	if err != nil {
		t.Fatal(err)
	}
	text := api.Config("http://127.0.0.1:9948")
	cfg, err := config.Parse("replay", []byte(text), ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	first, second, third, fourth := cfg.Projects[0], cfg.Projects[1], cfg.Projects[2], cfg.Projects[3]
	if first.Discover == nil || first.Discover.Name.String() != "^(name-1)$" || first.Discover.MaxClients != 7 || !first.ReadReplicas || first.ProjectID != "p1" {
		t.Errorf("the first project: %+v", first)
	}
	if second.Discover == nil || second.Discover.MaxClients != 8 || second.ReadReplicas || len(second.Instances) != 1 || len(second.Instances[0].Nodes) != 2 || second.Instances[0].MaxClients != 5 {
		t.Errorf("the second project: %+v", second)
	}
	if third.Discover != nil || len(third.Instances) != 1 || third.Instances[0].ID != "i4" || third.Instances[0].MaxClients != 9 {
		t.Errorf("the third project, whose list was not recorded: %+v", third)
	}
	if fourth.Discover == nil || len(fourth.Instances) != 0 {
		t.Errorf("the fourth project: %+v", fourth)
	}
}
