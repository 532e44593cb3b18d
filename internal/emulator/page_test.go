package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

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

// TestSortingByEachField checks the order by every field of a session, ties by
// id.
func TestSortingByEachField(t *testing.T) {
	instance := fleet(0)
	// Each value of 3 is the smaller one as a text, and the greater as a number.
	instance.Nodes[0].Sessions = emulator.Static{
		{ID: "3", Addr: "c", Peer: "c", FD: "10", DB: "10", Name: "c", Cmd: "c", Age: 10, Idle: 10, Flags: "c", Sub: 10, PSub: 10, Multi: 10, QBuf: 10, QBufFree: 10, OBL: 10, OLL: 10, OMem: 3 << 30, Events: "c", Network: "c", User: "c"},
		{ID: "2", Addr: "b", Peer: "b", FD: "9", DB: "9", Name: "b", Cmd: "b", Age: 9, Idle: 9, Flags: "b", Sub: 9, PSub: 9, Multi: -1, QBuf: 9, QBufFree: 9, OBL: 9, OLL: 9, OMem: 9, Events: "b", Network: "b", User: "b"},
		{ID: "1", Addr: "b", Peer: "b", FD: "9", DB: "9", Name: "b", Cmd: "b", Age: 9, Idle: 9, Flags: "b", Sub: 9, PSub: 9, Multi: -1, QBuf: 9, QBufFree: 9, OBL: 9, OLL: 9, OMem: 9, Events: "b", Network: "b", User: "b"},
	}
	_, base := serve(t, emulator.Options{}, instance)
	scan(t, base, scanBody)
	order := func(query ...string) string {
		var ids []string
		for _, s := range list(t, base, query...).Clients {
			ids = append(ids, s.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := order(); got != "1 2 3" {
		t.Errorf("without a field: %s", got)
	}
	for _, field := range strings.Fields("addr peer fd db name cmd age idle flags sub psub multi qbuf qbuf_free obl oll omem events network user") {
		if got := order("sort=" + field); got != "1 2 3" {
			t.Errorf("by %s: %s", field, got)
		}
		if got := order("sort="+field, "order=desc"); got != "3 1 2" {
			t.Errorf("by %s, descending: %s", field, got)
		}
	}
	if got := order("sort=id", "order=desc"); got != "3 2 1" {
		t.Errorf("by id, descending: %s", got)
	}
}

// TestAddressFilter checks that addresses are compared as a whole.
func TestAddressFilter(t *testing.T) {
	instance := fleet(0)
	instance.Nodes[0].Sessions = emulator.Static{
		{ID: "1", Addr: "10.0.0.1:5000"}, {ID: "2", Addr: "10.0.0.1:50001"}, {ID: "3", Addr: "10.0.0.11:5000"}, {ID: "4", Addr: "[2001:db8::1]:5000"}, {ID: "5", Addr: "/tmp/redis.sock:0"},
	}
	_, base := serve(t, emulator.Options{}, instance)
	scan(t, base, scanBody)
	for addr, want := range map[string][]string{
		"10.0.0.1": {"1", "2"}, "10.0.0.1:5000": {"1"}, "10.0.0": nil, "10.0.0.1:": nil, "2001:db8::1": {"4"}, "[2001:db8::1]": {"4"}, "[2001:db8::1]:5000": {"4"}, "/tmp/redis.sock:0": {"5"},
	} {
		var got []string
		for _, s := range list(t, base, "addr="+addr).Clients {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", addr, got, want)
		}
	}
}

// TestStampedAnswers checks that with StampAnswers, time is the answer's.
func TestStampedAnswers(t *testing.T) {
	var c clock
	api, base := serve(t, emulator.Options{Now: c.now}, fleet(1))
	scan(t, base, scanBody)
	first := list(t, base).Time
	c.advance(time.Minute)
	if again := list(t, base).Time; again != first {
		t.Errorf("the list was of %s, now %s", first, again)
	}
	api.SetOptions(func(o *emulator.Options) { o.StampAnswers = true })
	if again := list(t, base).Time; again == first {
		t.Errorf("the answer is of %s still", again)
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
		{"/instances/", "", 404, "APIGW.0101"},
		{"/instances/../instances", "", 404, "APIGW.0101"},
		{"//instances", "", 404, "APIGW.0101"},
		{"/instances/instance-1/clients/x", "", 404, "APIGW.0101"},
		{"/instances", "limit=1001", 400, "DCS.4800"},
		{"/instances-logical-nodes", "limit=101", 400, "DCS.4800"},
	} {
		r, err := ask(t, base, http.MethodGet, tt.path, "", tt.query)
		if err != nil || r.status != tt.status || r.Code != tt.code {
			t.Errorf("%s?%s: got %d %s, %v; want %d %s", tt.path, tt.query, r.status, r.Code, err, tt.status, tt.code)
		}
	}
}

// TestMethods checks that an operation has one method.
func TestMethods(t *testing.T) {
	_, base := serve(t, emulator.Options{}, fleet(1))
	for _, tt := range []struct{ method, path string }{{http.MethodPost, "/instances"}, {http.MethodDelete, clientsPath}, {http.MethodPut, clientsPath}} {
		r, err := ask(t, base, tt.method, tt.path, "")
		if err != nil || r.status != 404 || r.Code != "APIGW.0101" || !strings.Contains(r.body, r.header.Get("X-Request-Id")) || r.header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: %d %s, %v", tt.method, tt.path, r.status, r.body, err)
		}
	}
}

// TestBadScans checks why scans are refused.
func TestBadScans(t *testing.T) {
	unsupported, stopped := fleet(1), fleet(1)
	unsupported.ID, unsupported.Unsupported = "unsupported", true
	stopped.ID, stopped.Status = "stopped", "RESTARTING"
	_, base := serve(t, emulator.Options{}, fleet(1), unsupported, stopped)
	for _, tt := range []struct {
		instance, body string
		status         int
		code           string
	}{
		{"instance-1", `{}`, 400, "DCS.4800"},
		{"instance-1", `{"node_id":7}`, 400, "DCS.4800"},
		{"instance-1", `node`, 400, "DCS.4800"},
		{"instance-1", `{"node_id":"none"}`, 400, "DCS.3053"},
		{"none", `{"node_id":"node-1"}`, 404, "DCS.3022"},
		{"unsupported", `{"node_id":"node-1"}`, 400, "DCS.4848"},
		{"stopped", `{"node_id":"node-1"}`, 400, "DCS.4026"},
		{"instance-1", `{"node_id":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "APIGW.0201"},
	} {
		r, err := ask(t, base, http.MethodPost, "/instances/"+tt.instance+"/clients", tt.body)
		if err != nil || r.status != tt.status || r.Code != tt.code {
			t.Errorf("%s %.30s: got %d %s, %v; want %d %s", tt.instance, tt.body, r.status, r.Code, err, tt.status, tt.code)
		}
	}
}

// TestGzip checks that large answers are compressed for clients that ask for it.
func TestGzip(t *testing.T) {
	_, base := serve(t, emulator.Options{}, fleet(1000))
	scan(t, base, scanBody)
	r := list(t, base, "limit=1000") // Go's client asks, and unpacks
	if len(r.Clients) != 1000 || r.header.Get("Content-Length") != "" {
		t.Errorf("%d sessions, header %v", len(r.Clients), r.header)
	}
}
