package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// reply is what an emulator answers.
type reply struct {
	status int
	header http.Header
	body   string

	Code    string             `json:"error_code"`
	Time    string             `json:"time"`
	Count   int                `json:"count"`
	Clients []emulator.Session `json:"clients"`
	Job     string             `json:"job_id"`
}

// ask sends a signed request; query is "name=value" pairs.
func ask(t *testing.T, base, method, path, body string, query ...string) (reply, error) {
	t.Helper()
	b := request.NewHttpRequestBuilder().WithEndpoint(base).WithPath("/v2/project-1" + path).WithMethod(method).WithSigningAlgorithm(algorithm.HmacSHA256)
	for _, q := range query {
		name, value, found := strings.Cut(q, "=")
		if !found {
			continue
		}
		b.AddQueryParam(name, reflect.ValueOf(value))
	}
	if body != "" {
		b.AddHeaderParam("Content-Type", "application/json").WithBody("", body)
	}
	c := auth.BasicCredentials{BaseCredentials: auth.BaseCredentials{AK: "AK", SK: "SK"}}
	r, err := c.ProcessAuthRequest(nil, b.Build())
	if err != nil {
		t.Fatal(err)
	}
	req, err := r.ConvertRequest()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	req.Close = true // on a kept connection Go repeats what breaks
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(text)}
	_ = json.Unmarshal(text, &out) // not every answer is JSON
	return out, err
}

const clientsPath = "/instances/instance-1/clients"

func list(t *testing.T, base string, query ...string) reply {
	t.Helper()
	r, err := ask(t, base, http.MethodGet, clientsPath, "", append([]string{"node_id=node-1"}, query...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func scan(t *testing.T, base, body string) reply {
	t.Helper()
	r, err := ask(t, base, http.MethodPost, clientsPath, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const scanBody = `{"node_id":"node-1","clean_cache":true}`

// clock is a time that tests set.
type clock struct{ off atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *clock) advance(d time.Duration) { c.off.Add(int64(d)) }

func TestScanLifeCycle(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy during a rescan: %v", busy), func(t *testing.T) {
			var c clock
			sessions := 1
			instance := fleet(0)
			instance.Nodes[0].Sessions = emulator.SourceFunc(func(context.Context, time.Time) ([]emulator.Session, string, error) {
				if sessions < 0 {
					return nil, "", errors.New("no")
				}
				out := make([]emulator.Session, sessions)
				for i := range out {
					out[i].ID = fmt.Sprint(i)
				}
				return out, "raw", nil
			})
			_, base := serve(t, emulator.Options{Now: c.now, ScanDuration: 10 * time.Second, BusyDuringRescan: busy}, instance)

			want := func(r reply, status int, code string, count int) {
				t.Helper()
				if r.status != status || r.Code != code || r.Count != count {
					t.Errorf("got HTTP %d %s, count %d; want %d %s, %d", r.status, r.Code, r.Count, status, code, count)
				}
			}
			want(list(t, base), 500, "DCS.5000", 0) // never scanned
			if r := scan(t, base, scanBody); r.Job == "" {
				t.Errorf("no job: %s", r.body)
			}
			sessions = 2                            // the list is that of the scan's start
			want(list(t, base), 400, "DCS.4957", 0) // the first scan runs
			want(scan(t, base, scanBody), 400, "DCS.4957", 0)
			c.advance(10 * time.Second)
			first := list(t, base)
			want(first, 200, "", 1)
			if r := scan(t, base, `{"node_id":"node-1"}`); r.Job == "" {
				t.Errorf("scan that keeps the list: %s", r.body)
			}
			c.advance(10 * time.Second)
			want(list(t, base), 200, "", 1) // clean_cache was false: it stays
			scan(t, base, scanBody)
			if busy {
				want(list(t, base), 400, "DCS.4957", 0)
			} else {
				want(list(t, base), 200, "", 1) // the old list
			}
			c.advance(10 * time.Second)
			second := list(t, base)
			want(second, 200, "", 2)
			if first.Time == second.Time {
				t.Errorf("both lists are of %s", first.Time)
			}
			sessions = -1
			scan(t, base, scanBody)
			c.advance(10 * time.Second)
			want(list(t, base), 200, "", 2) // the scan failed: the old list stays
		})
	}
}

func TestScanThatFails(t *testing.T) {
	instance := fleet(0)
	instance.Nodes[0].Sessions = emulator.SourceFunc(func(context.Context, time.Time) ([]emulator.Session, string, error) {
		return nil, "", errors.New("no")
	})
	_, base := serve(t, emulator.Options{}, instance)
	scan(t, base, scanBody)
	if r := list(t, base); r.status != 500 || r.Code != "DCS.4842" {
		t.Errorf("got %s", r.body)
	}
}

func TestPagingSortingFiltering(t *testing.T) {
	_, base := serve(t, emulator.Options{HiddenSessions: 3}, fleet(1500))
	scan(t, base, scanBody)
	ids := func(r reply) string {
		if len(r.Clients) == 0 {
			return "none"
		}
		return fmt.Sprintf("%s…%s (%d)", r.Clients[0].ID, r.Clients[len(r.Clients)-1].ID, len(r.Clients))
	}
	for _, tt := range []struct {
		query string
		want  string
		count int
	}{
		{"", "1…10 (10)", 1503},
		{"limit=1000", "1…1000 (1000)", 1503},
		{"limit=1000&offset=1000", "1001…1500 (500)", 1503},
		{"offset=1500", "none", 1503},
		{"sort=id&order=desc&limit=2", "1500…1499 (2)", 1503}, // by number, not by letter
		{"order=desc&limit=1", "1500…1500 (1)", 1503},
		{"sort=age&order=asc&limit=2", "1500…1499 (2)", 1503},
		{"sort=name&limit=1000", "1…1 (1000)", 1503},
		{"addr=10.0.0.3&limit=2", "4…11 (2)", 1500/7 + 3},
		{"addr=10.0.0.3:40003", "4…4 (1)", 4},
		{"addr=10.0.0.33", "none", 3},
	} {
		var query []string
		if tt.query != "" {
			query = strings.Split(tt.query, "&")
		}
		r := list(t, base, query...)
		if tt.query == "sort=name&limit=1000" {
			if r.Clients[0].Name != "n0" || r.Clients[499].Name != "n0" || r.Clients[500].Name != "n1" || r.Clients[0].ID != "1" || r.Clients[1].ID != "4" {
				t.Errorf("sorted by name: %v", r.Clients[:2])
			}
			continue
		}
		if ids(r) != tt.want || r.Count != tt.count {
			t.Errorf("%s: got %s of %d, want %s of %d (%s)", tt.query, ids(r), r.Count, tt.want, tt.count, r.Code)
		}
	}
	for _, bad := range []string{"limit=1001", "limit=0", "limit=x", "offset=-1", "sort=nothing", "order=up"} {
		if r := list(t, base, bad); r.status != 400 || r.Code != "DCS.4800" {
			t.Errorf("%s: %d %s", bad, r.status, r.Code)
		}
	}
}

func TestRefusals(t *testing.T) {
	unsupported, stopped := fleet(1), fleet(1)
	unsupported.ID, unsupported.Unsupported = "unsupported", true
	stopped.ID, stopped.Status = "stopped", "RESTARTING"
	_, base := serve(t, emulator.Options{}, fleet(1), unsupported, stopped)
	for _, tt := range []struct {
		path, query string
		status      int
		code        string
	}{
		{"/instances/none/clients", "node_id=node-1", 404, "DCS.3022"},
		{"/instances/instance-1/clients", "node_id=none", 400, "DCS.3053"},
		{"/instances/instance-1/clients", "limit=5", 400, "DCS.4800"},
		{"/instances/unsupported/clients", "node_id=node-1", 400, "DCS.4848"},
		{"/instances/stopped/clients", "node_id=node-1", 400, "DCS.4026"},
		{"/nothing", "", 404, "APIGW.0101"},
		{"/instances", "limit=1001", 400, "DCS.4800"},
		{"/instances-logical-nodes", "limit=101", 400, "DCS.4800"},
	} {
		r, err := ask(t, base, http.MethodGet, tt.path, "", tt.query)
		if err != nil || r.status != tt.status || r.Code != tt.code {
			t.Errorf("%s?%s: got %d %s, %v; want %d %s", tt.path, tt.query, r.status, r.Code, err, tt.status, tt.code)
		}
	}
}

func TestQuota(t *testing.T) {
	now := time.Now()
	frozen, url := serve(t, emulator.Options{Now: func() time.Time { return now }, Quota: 2, RetryAfter: 7 * time.Second}, fleet(1))
	for i, want := range []int{500, 500, 429, 429} {
		r := list(t, url)
		if r.status != want || (want == 429 && (r.Code != "APIGW.0308" || r.header.Get("Retry-After") != "7")) {
			t.Errorf("request %d: %d %s", i, r.status, r.Code)
		}
	}
	if n := len(frozen.Requests()); n != 4 {
		t.Errorf("%d requests in the log", n)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault emulator.Fault
		check func(r reply, err error) bool
	}{
		{"code", emulator.Fault{Status: 403, Code: "DCS.2007", Message: "m"}, func(r reply, _ error) bool { return r.status == 403 && r.Code == "DCS.2007" }},
		{"gateway code", emulator.Fault{Status: 429, Code: "APIG.0308", Header: http.Header{"Retry-After": {"3"}}}, func(r reply, _ error) bool {
			return r.status == 429 && r.header.Get("Retry-After") == "3" && strings.Contains(r.body, "request_id")
		}},
		{"status alone", emulator.Fault{Status: 502}, func(r reply, _ error) bool { return r.status == 502 && r.body == "" }},
		{"body", emulator.Fault{Body: []byte("<html>")}, func(r reply, _ error) bool { return r.status == 200 && r.body == "<html>" }},
		{"reset", emulator.Fault{Reset: true}, func(_ reply, err error) bool { return err != nil }},
		{"cut", emulator.Fault{CutAfter: 10}, func(r reply, err error) bool { return err != nil && len(r.body) == 10 }},
		{"hang", emulator.Fault{Hang: true}, func(_ reply, err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"delay", emulator.Fault{Delay: 50 * time.Millisecond}, func(r reply, _ error) bool { return r.status == 200 && r.Count == 3 }},
		{"rewrite", emulator.Fault{Rewrite: func(b []byte) []byte { return append(b, 'x') }}, func(r reply, _ error) bool { return strings.HasSuffix(r.body, "}x") }},
		{"another offset", emulator.Fault{Offset: emulator.At(5), Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
		{"this offset", emulator.Fault{Offset: emulator.At(0), Status: 502}, func(r reply, _ error) bool { return r.status == 502 }},
		{"another node", emulator.Fault{NodeID: "node-2", Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
		{"another operation", emulator.Fault{Operation: "scan_clients", Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, base := serve(t, emulator.Options{}, fleet(3))
			scan(t, base, scanBody)
			tt.fault.Times = 1
			api.AddFault(tt.fault)
			start := time.Now()
			r, err := ask(t, base, http.MethodGet, clientsPath, "", "node_id=node-1")
			if !tt.check(r, err) || time.Since(start) < tt.fault.Delay {
				t.Errorf("got %d %q, %v", r.status, r.body, err)
			}
			if strings.HasPrefix(tt.name, "another") {
				return
			}
			if r := list(t, base); r.status != 200 {
				t.Errorf("after its time: %d", r.status)
			}
		})
	}
}

// TestGzip checks that large answers are packed for those who ask.
func TestGzip(t *testing.T) {
	_, base := serve(t, emulator.Options{}, fleet(1000))
	scan(t, base, scanBody)
	r := list(t, base, "limit=1000") // Go's client asks, and unpacks
	if len(r.Clients) != 1000 || r.header.Get("Content-Length") != "" {
		t.Errorf("%d sessions, header %v", len(r.Clients), r.header)
	}
}
