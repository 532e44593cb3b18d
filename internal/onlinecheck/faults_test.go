package onlinecheck_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// finding is an expected finding.
type finding struct {
	severity onlinecheck.Severity
	reason   dcsapi.Reason
	message  string // a part of it
	action   string // a part of it
}

// wantFindings checks that a report has these findings and no others.
func wantFindings(t *testing.T, r *onlinecheck.Report, want ...finding) {
	t.Helper()
	got := findings(r)
	for _, w := range want {
		k := slices.IndexFunc(got, func(f onlinecheck.Finding) bool {
			return f.Severity == w.severity && f.Reason == w.reason && strings.Contains(f.Message, w.message) && strings.Contains(f.Action, w.action)
		})
		if k < 0 {
			t.Errorf("not found: %+v", w)
			continue
		}
		got = slices.Delete(got, k, k+1)
	}
	for _, f := range got {
		t.Errorf("found besides: %+v", f)
	}
	result := onlinecheck.OK
	for _, w := range want {
		if result != onlinecheck.Failed {
			result = onlinecheck.Warning
		}
		if w.severity != warning {
			result = onlinecheck.Failed
		}
	}
	if r.Result != result {
		t.Errorf("the result is %s, want %s", r.Result, result)
	}
	counts := make(map[onlinecheck.Severity]int)
	for _, w := range want {
		counts[w.severity]++
	}
	if r.Failures != counts[failure] || r.Consequences != counts[consequence] || r.Warnings != counts[warning] {
		t.Errorf("%d failures, %d consequences and %d warnings, want %v", r.Failures, r.Consequences, r.Warnings, counts)
	}
}

const (
	failure     = onlinecheck.SeverityFailure
	consequence = onlinecheck.SeverityConsequence
	warning     = onlinecheck.SeverityWarning
)

// TestFaults checks the findings about a misbehaving API, and the requests that it
// gets.
func TestFaults(t *testing.T) {
	type counts = map[string]int
	for _, tt := range []struct {
		name   string
		fault  []emulator.Fault
		config string // besides i1
		scan   bool   // there is a list
		want   []finding
		sent   counts // nil for: not checked
	}{
		{
			name: "no list", want: []finding{{warning, "no_list", "never scanned", "its first scrape"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "no list and no scans", config: "scan: {mode: off}\n",
			want: []finding{{failure, "no_list", "scan.mode is off", "set scan.mode: on_scrape"}},
		},
		{
			name: "scan failed", fault: []emulator.Fault{{Operation: "list_clients", Status: 500, Code: "DCS.4842", Message: "The job has failed."}},
			want: []finding{{warning, "no_list", "has failed", "first scrape"}},
		},
		{
			name: "may not list instances", scan: true, fault: []emulator.Fault{{Operation: "list_instances", Status: 403, Code: "DCS.3002", Message: "no"}},
			want: []finding{{failure, "forbidden", "lacks dcs:instance:list: HTTP 403 DCS.3002: no", "grant dcs:instance:list"}},
			sent: counts{"list_instances": 1, "show_instance": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "may not get instances", scan: true, fault: []emulator.Fault{{Operation: "list_nodes", Status: 403, Code: "DCS.3002", Message: "no"}},
			want: []finding{{failure, "forbidden", "lacks dcs:instance:get", "grant dcs:instance:get"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_projects": 1},
		},
		{
			name: "may not list sessions", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 403, Code: "DCS.3002", Message: "no"}},
			want: []finding{{failure, "forbidden", "lacks dcs:clients:list", "grant dcs:clients:list"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "may not ask IAM", scan: true, fault: []emulator.Fault{{Operation: "list_projects", Status: 403, Body: []byte(`{"error":{"code":403,"message":"no"}}`)}},
		},
		{
			name: "IAM refuses the key", scan: true, fault: []emulator.Fault{{Operation: "list_projects", Status: 401, Body: []byte(`{"error":{"code":401,"message":"no"}}`)}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "throttled", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 429, Code: "APIG.0308", Message: "slow down"}},
			want: []finding{{failure, "throttled", "slow down", "requests_per_second"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 2, "list_projects": 1},
		},
		{
			name: "throttled once", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 429, Code: "APIG.0308", Times: 1}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 2, "list_projects": 1},
		},
		{
			name: "busy", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 400, Code: "DCS.4957", Message: "busy"}},
			want: []finding{{warning, "busy", "busy", "wait"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 2, "list_projects": 1},
		},
		{
			name: "busy once", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 400, Code: "DCS.4957", Times: 1}},
		},
		{
			name: "not running by now", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 400, Code: "DCS.4026", Message: "not running"}},
			want: []finding{{warning, "other", "not running", "wait"}},
		},
		{
			name: "node gone by now", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 400, Code: "DCS.3053", Message: "no node"}},
			want: []finding{{failure, "not_found", "no node", "run this again"}},
		},
		{
			name: "gateway trouble", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Status: 502}},
			want: []finding{{failure, "server", "HTTP 502", "run this again later"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 2, "list_projects": 1},
		},
		{
			name: "broken connections", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Reset: true}},
			want: []finding{{failure, "network", "EOF", "routes, firewalls and proxies"}},
		},
		{
			name: "server trouble", scan: true, fault: []emulator.Fault{{Operation: "list_instances", Status: 503, Code: "DCS.5000", Message: "down"}},
			want: []finding{{failure, "server", "cannot list the project's instances: HTTP 503 DCS.5000: down", "support"}},
		},
		{
			name: "a page", scan: true, fault: []emulator.Fault{html(200)},
			want: []finding{{failure, "decode", "cannot list the project's instances", "what answers at 127.0.0.1 is not the API"}},
		},
		{
			name: "a proxy's page", scan: true, fault: []emulator.Fault{html(403)},
			want: []finding{{failure, "decode", "Sign in", "is not the API"}},
			sent: counts{"list_instances": 1, "list_projects": 1},
		},
		{
			name: "a gateway's page", scan: true, fault: []emulator.Fault{html(503)},
			want: []finding{{failure, "server", "Sign in", "run this again later; if it persists, check endpoint"}},
			sent: counts{"list_instances": 3, "list_projects": 3},
		},
		{
			name: "a redirect", scan: true, fault: []emulator.Fault{{Operation: "list_instances", Status: 302}},
			want: []finding{{failure, "decode", "redirects are not followed", "check endpoint"}},
		},
		{
			name: "an empty answer", scan: true, fault: []emulator.Fault{{Operation: "list_instances", Status: 200}},
			want: []finding{{failure, "decode", "empty response", "check endpoint"}},
		},
		{
			name: "a page rather than a list", scan: true, fault: []emulator.Fault{{Operation: "list_clients", Body: []byte("<html>"), ContentType: "text/html"}},
			want: []finding{{failure, "decode", "session list cannot be read", "check endpoint"}},
		},
		{
			name: "no count", scan: true, fault: []emulator.Fault{rewrite(`"count":2`, `"count":null`)},
		},
		{
			name: "no time", scan: true, fault: []emulator.Fault{rewrite(`"time":`, `"when":`)},
			want: []finding{{warning, "undated", "does not say when", ""}},
		},
		{
			name: "a wrong node", scan: true, config: "NODES[i1-node, i9-node]",
			want: []finding{{failure, "not_found", "does not have", "the instance has i1-node"}},
			sent: counts{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "only sessions may be listed", scan: true, config: "NODES[i1-node]",
			fault: []emulator.Fault{
				{Operation: "list_instances", Status: 403, Code: "DCS.3002", Message: "no"},
				{Operation: "show_instance", Status: 403, Code: "DCS.3002", Message: "no"},
				{Operation: "list_nodes", Status: 403, Code: "DCS.3002", Message: "no"},
			},
			want: []finding{
				{failure, "forbidden", "cannot list the project's instances, the key's user lacks dcs:instance:list", "grant"},
				{failure, "forbidden", "cannot look up the instance, the key's user lacks dcs:instance:get", "grant"},
				{failure, "forbidden", "cannot list the instance's nodes, the key's user lacks dcs:instance:get", "grant"},
			},
			sent: counts{"list_instances": 1, "show_instance": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
		{
			name: "nodes that need not be listed", scan: true, config: "NODES[i1-node]",
			fault: []emulator.Fault{{Operation: "list_nodes", Status: 403, Code: "DCS.3002", Message: "no"}},
			want:  []finding{{failure, "forbidden", "lacks dcs:instance:get", "grant"}},
			sent:  counts{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_projects": 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, single("i1", plain(1), plain(2)))
			if tt.scan {
				h.scan("i1", "i1-node")
			}
			h.api.SetFaults(tt.fault...)
			text := h.yaml(ofOne) + tt.config
			if nodes, found := strings.CutPrefix(tt.config, "NODES"); found {
				text = h.yaml("    instances: [{id: i1, nodes: " + nodes + "}]\n")
			}
			r := h.check(text)
			wantFindings(t, r, tt.want...)
			if tt.sent != nil {
				h.wantRequests(r, tt.sent)
			}
			for operation, n := range h.api.Counts() {
				if n > 3 {
					t.Errorf("%s was asked %d times", operation, n)
				}
			}
			if t.Failed() {
				t.Log("\n" + h.table(r))
			}
			h.wantSameWithoutWords(r, text, tt.fault...)
		})
	}
}

// TestPermissions checks the reported permissions: one that is missing for any
// instance is missing, and an answer from something other than the API says
// nothing.
func TestPermissions(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault emulator.Fault
		want  string // of the three
	}{
		{"all", emulator.Fault{}, "yes yes yes"},
		{"the first instance", emulator.Fault{Operation: "list_clients", InstanceID: "i1", Status: 403, Code: "DCS.3002"}, "yes yes no"},
		{"the last instance", emulator.Fault{Operation: "list_clients", InstanceID: "i2", Status: 403, Code: "DCS.3002"}, "yes yes no"},
		{"a page", html(403), "- - -"},
		{"no list", emulator.Fault{Operation: "list_clients", Status: 500, Code: "DCS.5000"}, "yes yes -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, single("i1", plain(1)), single("i2", plain(1)))
			h.scan("i1", "i1-node")
			h.scan("i2", "i2-node")
			h.api.SetFaults(tt.fault)
			r := h.check(h.yaml("    instances: [{id: i1}, {id: i2}]\n    max_concurrent_requests: 1\n"))
			if got := permissions(r.Projects[0]); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// rewrite returns a fault that changes session lists.
func rewrite(old, replacement string) emulator.Fault {
	return emulator.Fault{Operation: "list_clients", Rewrite: func(b []byte) []byte {
		return []byte(strings.ReplaceAll(string(b), old, replacement))
	}}
}

// TestAbsent checks that unknown values are absent instead of zero.
func TestAbsent(t *testing.T) {
	h := newHarness(t, single("i1", plain(1), plain(2)), single("empty"))
	h.scan("i1", "i1-node")
	h.scan("empty", "empty-node")
	h.api.SetFaults(rewrite(`"count":2`, `"count":null`))
	r := h.check(h.yaml("    instances: [{id: i1}, {id: empty}]\n"))
	full, empty := r.Projects[0].Instances[0].Nodes[0], r.Projects[0].Instances[1].Nodes[0]
	if full.Sessions != nil || full.AddressMasked == nil || *full.AddressMasked {
		t.Errorf("without a count: %+v", full)
	}
	if empty.Sessions == nil || *empty.Sessions != 0 || empty.AddressMasked != nil {
		t.Errorf("of an empty list: %+v", empty)
	}
}

// TestHanging checks that a check ends within its timeout, and reserves time for
// IAM.
func TestHanging(t *testing.T) {
	for _, operation := range []string{"list_instances", "list_nodes", "list_clients"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, single("i1"))
			h.timeout = time.Second
			h.api.SetFaults(emulator.Fault{Operation: operation, Hang: true})
			r := h.check(h.yaml(ofOne))
			wantFindings(t, r, finding{failure, "timeout", "no response before the deadline", "--timeout"})
			if h.requests("list_projects") != 1 || r.Projects[0].IAM.RegionMatches == nil {
				t.Errorf("IAM: %+v", r.Projects[0].IAM)
			}
			if problem := r.Projects[0].Endpoint.Problem; (problem == "timeout") != (operation == "list_instances") {
				t.Errorf("endpoint: %+v", r.Projects[0].Endpoint)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		h := newHarness(t, single("i1"))
		ctx, cancel := context.WithCancel(t.Context())
		h.api.SetFaults(emulator.Fault{Operation: "list_nodes", Rewrite: func(b []byte) []byte {
			cancel()
			return b
		}})
		if r := h.checkIn(ctx, h.yaml(ofOne)); r.Result != onlinecheck.Failed {
			t.Errorf("%+v", r)
		}
	})
}

// TestRateLimit checks that a check with too much to do says so.
func TestRateLimit(t *testing.T) {
	h := newHarness(t, single("i1", plain(1)), single("i2", plain(1)))
	h.timeout = time.Second
	r := h.check(strings.Replace(h.yaml("    instances: [{id: i1}, {id: i2}]\n"), "requests_per_second: 1000", "requests_per_second: 0.1", 1))
	if r.Result != onlinecheck.Failed || !strings.Contains(h.table(r), "the rate limit (requests_per_second) leaves no place") {
		t.Errorf("\n%s", h.table(r))
	}
	h.wantRequests(r, map[string]int{"list_instances": 1})
}
