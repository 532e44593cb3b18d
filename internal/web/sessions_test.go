package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/web"
)

func onLoopback() *web.Access { return &web.Access{ListenAddresses: []string{"127.0.0.1:0"}} }

// do sends a request, and returns the answer's status and body. It does not
// follow redirects.
func do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, body := answer(t, req)
	return resp.StatusCode, body
}

func answer(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// press presses the button that takes a new list.
func press(t *testing.T, to string, form url.Values, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to+"/sessions", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return answer(t, req)
}

func scans(api *emulator.Server) int { return api.Counts()["scan_clients"] }

// single returns an instance with one node, whose session names are untrusted.
func single() emulator.Instance {
	sessions := emulator.Static{
		{ID: "1", Addr: "10.0.0.1:40001", Name: `<script>alert("x")</script>`, User: "a&b", Cmd: "get", Flags: "Pb", OMem: 300 << 20, Age: 90, Multi: -1, Events: "r", Peer: "10.0.0.1:40001"},
		{ID: "2", Addr: "198.19.1.2:40002", Name: "=1+1", User: "'><img src=x>", Flags: "N", OMem: 1, Multi: -1},
		{ID: "3", Addr: `"><b>:1`, Name: "tab\tand\u202e", Flags: "N", Multi: -1},
		{ID: "10", Addr: "10.0.0.1:40010", Flags: "N", Multi: -1},
	}
	return emulator.Instance{ID: "instance-5", ProjectID: "project-1", Name: "<i>names</i>", Nodes: []emulator.Node{
		{ID: "node-6", Name: "node</title>", Role: "redis-server", Type: "master", Sessions: sessions},
	}}
}

func TestSessionsAreNotEnabled(t *testing.T) {
	_, url := start(t)
	for _, path := range []string{"/sessions", "/sessions?instance=instance-1"} {
		if resp, body := get(t, url+path, nil); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "--web.enable-sessions") {
			t.Errorf("%s: %s\n%s", path, resp.Status, body)
		}
	}
	if resp, _ := press(t, url, nil, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the button: %s", resp.Status)
	}
	if _, body := get(t, url+"/", nil); strings.Contains(body, `"sessions"`) {
		t.Errorf("the landing page leads there:\n%s", body)
	}
	_, url = startWith(t, how{sessions: onLoopback()})
	if _, body := get(t, url+"/", nil); !strings.Contains(body, `href="sessions"`) {
		t.Errorf("the landing page does not lead there:\n%s", body)
	}
}

// TestSessionsAnswers checks status and text for valid and invalid requests, in
// each format.
func TestSessionsAnswers(t *testing.T) {
	api, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	get(t, url+"/metrics", nil) // scans all nodes
	api.ResetRequests()
	for _, tt := range []struct {
		query   string
		html    int
		data    int // JSON and CSV
		says    string
		without string // what the page does not have
	}{
		{"", 200, 400, "set an instance: /sessions?instance=", "<table"},
		{"instance=instance-1", 200, 400, "node-2", "<table"},
		{"instance=instance-1&node=node-1", 200, 200, "10.0.0.1:40001", "Choose"},
		{"instance=orders&node=node-1", 200, 200, "10.0.0.1:40001", ""},
		{"instance=instance-5", 200, 200, "198.19.1.2:40002", "Choose"},
		{"instance=instance-1&node=node-2", 200, 200, "", "<table"},
		{"instance=nothing", 404, 404, "o instance ", "<table"},
		{"instance=instance-1&node=node-6", 404, 404, "o", "<table"},
		{"instance=../../v1", 404, 404, "o instance ", "<table"},
		{"instance=instance-1&node=node-1&sort=size", 400, 400, "sort must be one of id, addr", "<table"},
		{"instance=instance-1&node=node-1&sort=omem&order=up", 400, 400, "order must be asc or desc", "<table"},
		{"instance=instance-1&node=node-1&limit=1001", 400, 400, "limit must be at most 1000 here", "<table"},
		{"instance=instance-1&node=node-1&limit=0&offset=-2", 400, 400, "offset must be between 0", "<table"},
		{"instance=instance-1&node=node-1&addr=%00", 400, 400, "addr must be an IP", "<table"},
		{"instance=instance-3", 502, 502, "no session management", "<table"},
		{"instance=instance-4", 502, 502, "dcs:clients:list", "<table"},
	} {
		for _, format := range []string{"", "html", "json", "csv"} {
			want := tt.data
			if format == "" || format == "html" {
				want = tt.html
			}
			resp, body := get(t, url+"/sessions?"+tt.query+"&format="+format, nil)
			if resp.StatusCode != want || (format != "" && format != "html" && !strings.Contains(body, tt.says)) {
				t.Errorf("%s as %q: %s, want %d and %q in\n%s", tt.query, format, resp.Status, want, tt.says, body)
			}
			if tt.without != "" && strings.Contains(body, tt.without) {
				t.Errorf("%s as %q has %s:\n%s", tt.query, format, tt.without, body)
			}
			if format == "json" && (!json.Valid([]byte(body)) || resp.Header.Get("Content-Type") != "application/json" || (want != 200) != strings.HasPrefix(body, `{"error":`)) {
				t.Errorf("%s: %s\n%s", tt.query, resp.Header.Get("Content-Type"), body)
			}
			if html := strings.HasPrefix(body, "<!DOCTYPE html>"); html != (format == "" || format == "html") || html != strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s as %q: %s\n%s", tt.query, format, resp.Header.Get("Content-Type"), body)
			}
			for name, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
				if resp.Header.Get(name) != value {
					t.Errorf("%s: %s is %q", tt.query, name, resp.Header.Get(name))
				}
			}
			if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
				t.Errorf("%s: %s", tt.query, policy)
			}
		}
	}
	if resp, body := get(t, url+"/sessions?instance=instance-1&format=xml", nil); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Format must be html, json or csv") {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	if n := scans(api); n != 0 {
		t.Errorf("looking scans %d times", n)
	}
}

// TestSessionsPage checks the page's content and links, and that untrusted names
// stay plain text.
func TestSessionsPage(t *testing.T) {
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	get(t, url+"/metrics", nil)
	_, body := get(t, url+"/sessions?instance=instance-5&sort=omem&limit=2", nil)
	for _, part := range []string{
		"<title>&lt;i&gt;names&lt;/i&gt; (instance-5), node node&lt;/title&gt; (node-6)</title>",
		"Sessions 1 to 2 of 4", "The list was taken ", "This exporter requested one ", "(scan.min_interval 1h0m0s)",
		"&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;", "a&amp;b",
		`<td class="right" title="314572800 bytes">300.0 MiB</td>`, `<td class="right" title="90 s">1m30s</td>`, `title="pubsub, blocked">Pb</td>`,
		"<code>10.0.0.1:40001</code>", `<a href="sessions?addr=10.0.0.1&amp;instance=instance-5&amp;limit=2&amp;node=node-6&amp;sort=omem" title="only sessions from this address">`,
		`title="the address of a VPC endpoint instead of the client&#39;s: client IP pass-through is off"><code>198.19.1.2:40002</code>`,
		`aria-sort="descending"><a href="sessions?instance=instance-5&amp;limit=2&amp;node=node-6&amp;order=asc&amp;sort=omem" title="memory of all output buffers">omem ▼</a>`,
		`<a href="sessions?instance=instance-5&amp;limit=2&amp;node=node-6&amp;offset=2&amp;sort=omem">next ›</a>`,
		`<a href="sessions?instance=instance-5&amp;limit=2&amp;node=node-6&amp;offset=2&amp;sort=omem">last »</a>`, `<span class="dim">‹ previous</span>`,
		`<a href="sessions?instance=instance-5&amp;limit=2&amp;node=node-6&amp;sort=omem&amp;format=json">JSON</a>`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("no %s", part)
		}
	}
	if strings.Contains(body, ">peer</a>") || strings.Contains(body, ">sub</a>") || !strings.Contains(body, ">user</a>") {
		t.Error("columns are shown that tell nothing")
	}
	if t.Failed() {
		t.Log(body)
	}
	_, body = get(t, url+"/sessions?instance=instance-5&addr=10.0.0.9", nil)
	if !strings.Contains(body, "No sessions of 0 from 10.0.0.9 ") || !strings.Contains(body, ">all sessions<") {
		t.Errorf("none match:\n%s", body)
	}
	_, body = get(t, url+"/sessions?instance=instance-5&offset=900", nil)
	if !strings.Contains(body, "No sessions from 901 on of 4") || !strings.Contains(body, `">« first</a>`) {
		t.Errorf("past the end:\n%s", body)
	}
	_, body = get(t, url+"/sessions?instance=instance-5&addr=%22%3E%3Cscript%3E&sort=%3Cscript%3E", nil)
	if strings.Contains(body, "<script") || !strings.Contains(body, "Sort must be one of") || !strings.Contains(body, "Take a new list") {
		t.Errorf("parameters are not escaped:\n%s", body)
	}
}

// TestSessionsData checks the JSON and CSV formats.
func TestSessionsData(t *testing.T) {
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	get(t, url+"/metrics", nil)
	var page struct {
		InstanceID string `json:"instance_id"`
		NodeID     string `json:"node_id"`
		Count      int
		Sessions   []struct {
			ID   int
			Name string
			OMem *int64
		}
	}
	_, body := get(t, url+"/sessions?instance=instance-5&sort=id&order=desc&format=json", nil)
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	if page.InstanceID != "instance-5" || page.NodeID != "node-6" || page.Count != 4 || len(page.Sessions) != 4 || page.Sessions[0].ID != 10 || *page.Sessions[3].OMem != 300<<20 || page.Sessions[3].Name != `<script>alert("x")</script>` {
		t.Errorf("%s", body)
	}
	resp, body := get(t, url+"/sessions?instance=instance-5&format=csv", nil)
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) != 5 || !strings.Contains(body, ",'=1+1,") || resp.Header.Get("Content-Disposition") != "attachment; filename=sessions-instance-5-node-6.csv" {
		t.Errorf("%v, %s\n%s", err, resp.Header.Get("Content-Disposition"), body)
	}
}

// TestSessionsButton checks that the button triggers at most one scan per
// min_interval, leads back to the same view, and that other sites cannot use it.
func TestSessionsButton(t *testing.T) {
	api, to := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	form := url.Values{"instance": {"instance-5"}, "node": {"node-6"}, "sort": {"omem"}, "addr": {"10.0.0.1"}, "offset": {"1"}}
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.example"}}} {
		if resp, body := press(t, to, form, header); resp.StatusCode != http.StatusForbidden || scans(api) != 0 {
			t.Errorf("from another site: %s, %d scans\n%s", resp.Status, scans(api), body)
		}
	}
	if resp, body := get(t, to+"/sessions?"+form.Encode(), nil); resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "Take a new list") || !strings.Contains(body, "was never scanned") {
		t.Errorf("before: %s\n%s", resp.Status, body)
	}
	same := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	resp, body := press(t, to, form, same)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "sessions?addr=10.0.0.1&instance=instance-5&node=node-6&sort=omem" || scans(api) != 1 {
		t.Fatalf("%s, to %q, %d scans\n%s", resp.Status, resp.Header.Get("Location"), scans(api), body)
	}
	if resp, body := get(t, to+"/"+resp.Header.Get("Location"), nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sessions 1 to 2 of 2 from") {
		t.Errorf("after: %s\n%s", resp.Status, body)
	}
	resp, body = press(t, to, form, same)
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "3600" || !strings.Contains(body, "can be scanned again in 1h0m0s") || !strings.Contains(body, "Sessions 2 to 2 of 2 from") || scans(api) != 1 {
		t.Errorf("too early: %s, retry after %q, %d scans\n%s", resp.Status, resp.Header.Get("Retry-After"), scans(api), body)
	}
	get(t, to+"/metrics", nil)
	api.ResetRequests()
	for query, want := range map[string]int{"": 400, "instance=instance-1": 400, "instance=instance-1&node=node-6": 404, "instance=instance-5&sort=x": 400, "instance=" + strings.Repeat("x", 20_000): 400} {
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if resp, body := press(t, to, form, nil); resp.StatusCode != want || scans(api) != 0 {
			t.Errorf("%.50s: %s, want %d, %d scans\n%s", query, resp.Status, want, scans(api), body)
		}
	}
	api, to = startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}, options: func(o *collector.Options) { o.Scan.Off = true }})
	if resp, body := press(t, to, form, same); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "scan.mode is off") || strings.Contains(body, "<button>Take") || scans(api) != 0 {
		t.Errorf("off: %s\n%s", resp.Status, body)
	}
}

// TestSessionsUnderStress checks that requests end if the API hangs, and that
// further ones are rejected meanwhile.
func TestSessionsUnderStress(t *testing.T) {
	api, to := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}, timeout: 500 * time.Millisecond})
	get(t, to+"/metrics", nil)
	api.AddFault(emulator.Fault{Operation: "list_clients", Hang: true})
	var mu sync.Mutex
	counts := map[int]int{}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to+"/sessions?instance=instance-5", nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp, body := answer(t, req)
			mu.Lock()
			defer mu.Unlock()
			counts[resp.StatusCode]++
			if resp.StatusCode == http.StatusServiceUnavailable && (resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "try again")) {
				t.Errorf("%v\n%s", resp.Header, body)
			}
		})
	}
	wait.Wait()
	if counts[http.StatusGatewayTimeout] < 4 || counts[http.StatusServiceUnavailable] == 0 || len(counts) != 2 {
		t.Errorf("answers: %v", counts)
	}
	api.ClearFaults()
	if resp, body := get(t, to+"/sessions?instance=instance-5", nil); resp.StatusCode == http.StatusServiceUnavailable {
		t.Errorf("places are lost: %s\n%s", resp.Status, body)
	}
}

// TestSessionsThatAreNotRead checks that clients that do not read their answer
// block nobody else.
func TestSessionsThatAreNotRead(t *testing.T) {
	long := single()
	long512 := strings.Repeat("<", 512) // six bytes each in JSON
	var sessions emulator.Static
	for i := range 1000 {
		sessions = append(sessions, emulator.Session{ID: fmt.Sprint(i + 1), Addr: "10.0.0.1:1", Name: long512, User: long512, Cmd: long512, Multi: -1})
	}
	long.Nodes[0].Sessions = sessions
	_, to := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{long}})
	get(t, to+"/metrics", nil)
	for range 6 {
		requestUnread(t, to, "/sessions?instance=instance-5&limit=1000&format=json")
	}
	if resp, body := get(t, to+"/sessions?instance=instance-5&limit=1000&format=json", nil); resp.StatusCode != http.StatusOK || len(body) < 8<<20 {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
}

// TestSessionsLongValues checks that a client cannot make the page huge, and that
// JSON has the whole name that the exporter keeps.
func TestSessionsLongValues(t *testing.T) {
	name := strings.Repeat("x", 100_000)
	long := single()
	long.Nodes[0].Sessions = emulator.Static{{ID: "1", Addr: "10.0.0.1:40001", Name: name, Multi: -1}}
	_, to := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{long}})
	get(t, to+"/metrics", nil)
	if resp, body := get(t, to+"/sessions?instance=instance-5", nil); resp.StatusCode != http.StatusOK || len(body) > 50_000 || !strings.Contains(body, "xxx…") {
		t.Errorf("%s, %d bytes\n%.5000s", resp.Status, len(body), body)
	}
	if resp, body := get(t, to+"/sessions?instance=instance-5&format=json", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"`+name[:512]+`"`) {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
}

// TestSessionsBeforeDiscovery checks that the page says so if the instances are
// not known yet.
func TestSessionsBeforeDiscovery(t *testing.T) {
	_, to := startWith(t, discovered(how{sessions: onLoopback(), faults: []emulator.Fault{{Operation: "list_instances", Status: 500, Code: "DCS.5000"}}}))
	if resp, body := get(t, to+"/sessions", nil); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, `role="alert"`) {
		t.Errorf("%s\n%s", resp.Status, body)
	}
}

// TestSessionsSlowForm checks that slow form uploads block nobody else.
func TestSessionsSlowForm(t *testing.T) {
	_, to := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	get(t, to+"/metrics", nil)
	at := strings.TrimPrefix(to, "http://")
	for range 8 {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /sessions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ninst", at); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if resp, body := get(t, to+"/sessions?instance=instance-5", nil); resp.StatusCode != http.StatusOK {
			t.Errorf("%s\n%s", resp.Status, body)
		}
		time.Sleep(20 * time.Millisecond) // until the server has begun with the forms
	}
	for mode, want := range map[string]int{"no-cors": http.StatusForbidden, "navigate": http.StatusOK} {
		if resp, body := get(t, to+"/sessions?instance=instance-5", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {mode}}); resp.StatusCode != want {
			t.Errorf("%s from another site: %s, want %d\n%s", mode, resp.Status, want, body)
		}
	}
	if resp, body := get(t, to+"/sessions?instance=instance-5&sort=%zz", nil); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an invalid parameter: %s\n%s", resp.Status, body)
	}
}
