package onlinecheck_test

import (
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// TestRegion checks the requests to IAM and the findings from its answers.
func TestRegion(t *testing.T) {
	for _, tt := range []struct {
		name    string
		region  string              // configured
		id      string              // configured
		iam     map[string][]string // ids by name; those of the emulated region are project-1 unless set
		want    []finding
		matches string // yes, no or ""
	}{
		{name: "right", region: "cn-north-4", id: "project-1", matches: "yes"},
		{name: "subproject", region: "cn-north-4", id: "project-1", iam: map[string][]string{"cn-north-4": {"p0"}, "cn-north-4_team": {"project-1"}}, matches: "yes"},
		{
			name: "of another region", region: "cn-east-3", id: "project-1", iam: map[string][]string{"cn-east-3": {"p7"}}, matches: "no",
			want: []finding{{failure, "region", "IAM does not know project project-1 in region cn-east-3: it belongs to region cn-north-4", "set region: cn-north-4, or use project_id: p7"}},
		},
		{
			name: "of another region's subproject", region: "cn-east-3", id: "project-1", iam: map[string][]string{"cn-north-4": {}, "cn-south-1_x": {"project-1"}}, matches: "no",
			want: []finding{{failure, "region", "it belongs to region cn-south-1", "set region: cn-south-1, or use a project of cn-east-3"}},
		},
		{name: "not named, but works", region: "cn-north-4", id: "project-1", iam: map[string][]string{"cn-north-4": {"p0"}}},
		{
			name: "foreign", region: "cn-north-4", id: "nobodys",
			want: []finding{
				{failure, "region", "IAM does not know project nobodys in region cn-north-4; for this key it lists cn-north-4 (project-1)", "set project_id: project-1; if project_id is right, use a key"},
				{consequence, "forbidden", "cannot list the project's instances: HTTP 403 DCS.2003", "fixing the project's first failure"},
				{consequence, "forbidden", "cannot look up the instance: HTTP 403 DCS.2003", "fixing the project's first failure"},
			},
		},
		{name: "asked for", region: "cn-north-4", matches: "yes"},
		{
			name: "none of that region", region: "cn-east-3",
			want: []finding{
				{failure, "region", "IAM does not know a project in region cn-east-3; for this key it lists cn-north-4 (project-1)", "set region and project_id to a pair of these, or use"},
				{consequence, "not_found", "look up the project's id: the account has no project of that name", "fixing the project's first failure"},
			},
		},
		{
			name: "several of that region", region: "cn-north-4", iam: map[string][]string{"cn-north-4": {"project-1", "project-2"}},
			want: []finding{{failure, "not_found", "there are 2 (project-1, project-2): set project_id", "check region, or set project_id"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, single("i1", plain(1)))
			h.scan("i1", "i1-node")
			for name, ids := range tt.iam {
				h.api.SetProjectsAtIAM(name, ids...)
			}
			r := h.check("projects:\n" + h.project(tt.region, tt.id, h.server.URL) + ofOne)
			wantFindings(t, r, tt.want...)
			got := ""
			if m := r.Projects[0].IAM.RegionMatches; m != nil {
				got = map[bool]string{true: "yes", false: "no"}[*m]
			}
			if got != tt.matches {
				t.Errorf("IAM: %+v, want %q", r.Projects[0].IAM, tt.matches)
			}
			if tt.id == "" && len(tt.want) == 0 && r.Projects[0].ProjectID != "project-1" {
				t.Errorf("the project's id is %q", r.Projects[0].ProjectID)
			}
			if t.Failed() {
				t.Log("\n" + h.table(r))
			}
		})
	}
	t.Run("no IAM", func(t *testing.T) {
		h := newHarness(t, single("i1"))
		r := h.check(strings.Replace("projects:\n"+h.project("cn-north-4", "", h.server.URL)+ofOne, "iam_endpoint: "+h.server.URL, "iam_endpoint: https://"+strings.Repeat("a", 64)+".example", 1))
		wantFindings(t, r, finding{failure, "network", "cannot look up the project's id", "check region and iam_endpoint"})
		h.wantRequestsToAPI(r, 0)
	})
	t.Run("endpoint of another region", func(t *testing.T) {
		h := newHarness(t, single("i1"))
		r := h.check("projects:\n" + h.project("cn-north-4", "project-1", "https://dcs.cn-east-3."+strings.Repeat("a", 64)+".example") + ofOne)
		wantFindings(t, r, finding{failure, "network", "", ""}, finding{warning, "region", "belongs to region cn-east-3, but the configuration says cn-north-4", "correct region or endpoint"})
	})
}

// wantRequestsToAPI checks how many requests reached the API.
func (h *harness) wantRequestsToAPI(r *onlinecheck.Report, want int) {
	h.t.Helper()
	if n := len(h.api.Requests()); n != want {
		h.t.Errorf("%d requests reached the API, want %d; %d were tried", n, want, r.Requests)
	}
}

// TestInstances checks the findings about instances that do not exist or are not
// read.
func TestInstances(t *testing.T) {
	stopped, old := single("stopped"), single("old")
	stopped.Status = "RESTARTING"
	old.Unsupported = true
	elsewhere := single("elsewhere", plain(1))
	elsewhere.ProjectID = "project-2"
	h := newHarness(t, single("i1", plain(1)), stopped, old, elsewhere)
	h.scan("i1", "i1-node")
	h.later(time.Second)
	for _, tt := range []struct {
		name, config string
		want         []finding
		nodes        int // of which a session was asked for
	}{
		{"a name", "    instances: [{id: i1-name}]\n", []finding{{failure, "not_found", "no such instance", "use the id instead of the name: i1"}}, 0},
		{"unknown", "    instances: [{id: i9}]\n", []finding{{failure, "not_found", "no such instance", "check the id"}}, 0},
		{
			"in another project", "    instances: [{id: elsewhere}]\n" + h.project("cn-east-3", "project-2", h.server.URL) + "    discover: {name: nothing}\n",
			[]finding{
				{failure, "not_found", "no such instance", "put it under the project in region cn-east-3 (project-2)"},
				{warning, "selection", "discover matches none of the project's 1 instances (all running ones, with a name that matches \"nothing\")", "compare"},
				{failure, "region", "IAM does not know project project-2 in region cn-east-3: it belongs to region cn-north-4", "set region: cn-north-4"},
			},
			0,
		},
		{"not running", "    instances: [{id: stopped}]\n", []finding{{warning, "not_running", "is RESTARTING instead of running", "nothing"}}, 0},
		{"unsupported", "    instances: [{id: old}]\n", []finding{{failure, "unsupported", "no session management", "remove it from the configuration"}}, 1},
		{"discovered", "    discover: {}\n", nil, 2},
		{"listed and discovered", "    instances: [{id: i1, nodes: [i1-node]}]\n    discover: {}\n", nil, 2},
		{"discovered and listed elsewhere", "    discover: {name: i1}\n" + h.project("cn-east-3", "project-2", h.server.URL) + "    instances: [{id: i1}]\n", []finding{
			{failure, "not_found", "no such instance", "put it under the project in region cn-north-4 (project-1)"},
			{failure, "region", "", ""},
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{t: t, api: h.api, server: h.server, start: h.start, now: h.clock, timeout: h.timeout, dir: h.dir}
			r := h.check(h.yaml(tt.config))
			wantFindings(t, r, tt.want...)
			if n := h.requests("list_clients"); n != tt.nodes {
				t.Errorf("%d nodes were asked for a session, want %d", n, tt.nodes)
			}
			if t.Failed() {
				t.Log("\n" + h.table(r))
			}
		})
	}
}

// TestNodes checks which nodes are read, and the findings about questionable
// choices.
func TestNodes(t *testing.T) {
	h := newHarness(t,
		instance("proxied", node("proxy", "redis-proxy", "p1", plain(1)), node("master", "redis-server", "p2", plain(1))),
		instance("ha", node("master", "redis-server", "h1", plain(1)), node("slave", "redis-server", "h2", plain(1))),
		instance("bare"), instance("replicas", node("slave", "redis-server", "r1")),
	)
	h.scan("proxied", "p1", "p2")
	h.scan("ha", "h1", "h2")
	for _, tt := range []struct {
		name, config string
		read         string // nodes
		notRead      string // reasons
		want         []finding
	}{
		{"proxies", "    instances: [{id: proxied}]\n", "p1", "behind_proxy", nil},
		{"a server behind proxies", "    instances: [{id: proxied, nodes: [p2]}]\n", "p2", "not_listed", []finding{{warning, "selection", "behind proxies", "remove nodes"}}},
		{"replicas", "    instances: [{id: ha}]\n", "h1 h2", "", nil},
		{"no replicas", "    instances: [{id: ha}]\n    read_replicas: false\n", "h1", "replica", nil},
		{"some", "    instances: [{id: ha, nodes: [h2]}]\n", "h2", "not_listed", nil},
		{"none", "    instances: [{id: bare}]\n", "", "", []finding{{failure, "not_found", "no node that holds sessions", ""}}},
		{"only replicas", "    instances: [{id: replicas}]\n    read_replicas: false\n", "", "replica", []finding{{failure, "not_found", "no node that holds sessions", "read_replicas"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{t: t, api: h.api, server: h.server, start: h.start, now: h.clock, timeout: h.timeout, dir: h.dir}
			r := h.check(h.yaml(tt.config))
			wantFindings(t, r, tt.want...)
			var read, notRead, asked []string
			for _, n := range r.Projects[0].Instances[0].Nodes {
				if n.Read {
					read = append(read, n.ID)
				} else {
					notRead = append(notRead, n.NotRead)
				}
			}
			for _, request := range h.api.Requests() {
				if request.Operation == "list_clients" {
					asked = append(asked, request.NodeID)
				}
			}
			if strings.Join(read, " ") != tt.read || strings.Join(notRead, " ") != tt.notRead || len(asked) != len(read) {
				t.Errorf("read %v (asked %v), not read %v", read, asked, notRead)
			}
		})
	}
}

// TestManyInstances checks that the nodes of many instances are listed together,
// and those that are missing from that list one by one.
func TestManyInstances(t *testing.T) {
	h := newHarness(t, single("i1"), single("i2"), single("i3"), instance("i4"))
	h.scan("i1", "i1-node")
	r := h.check(h.yaml("    discover: {}\n"))
	h.wantRequests(r, map[string]int{"list_instances": 1, "list_project_nodes": 1, "list_nodes": 1, "list_clients": 3, "list_projects": 1})
	h.api.SetFaults(emulator.Fault{Operation: "list_project_nodes", Status: 403, Code: "DCS.3002"})
	r = h.check(h.yaml("    discover: {}\n"))
	h.wantRequests(r, map[string]int{"list_instances": 1, "list_project_nodes": 1, "list_nodes": 4, "list_clients": 3, "list_projects": 1})
	if granted := r.Projects[0].Permissions[1].Granted; granted == nil || !*granted {
		t.Error("dcs:instance:get is not shown as granted")
	}
}

// TestStale checks what an old list means with and without scans.
func TestStale(t *testing.T) {
	h := newHarness(t, single("i1", plain(1)))
	h.scan("i1", "i1-node")
	h.later(6 * time.Minute)
	for config, want := range map[string][]finding{
		"":                          {{warning, "stale", "older than max_snapshot_age (5m)", "its first scrape"}},
		"scan: {mode: off}\n":       {{warning, "stale", "scan.mode is off", "find out why nothing scans this node"}},
		"max_snapshot_age: 6m\n":    nil,
		"max_snapshot_age: 0s\n":    nil,
		"max_snapshot_age: 5m59s\n": {{warning, "stale", "(5m59s)", ""}},
	} {
		r := h.check(h.yaml(ofOne) + config)
		wantFindings(t, r, want...)
		if age := r.Projects[0].Instances[0].Nodes[0].ListAgeSeconds; age == nil || *age != 360 {
			t.Errorf("%q: the list's age is %v", config, age)
		}
	}
}

// TestMasked checks the findings about the one session's addresses.
func TestMasked(t *testing.T) {
	both := masked(1)
	both.Peer = both.Addr
	noPeer := masked(1)
	noPeer.Peer = ""
	swapped := masked(1)
	swapped.Addr, swapped.Peer = swapped.Peer, swapped.Addr
	mapped, mappedPeer := masked(1), masked(1)
	mapped.Addr = "[::ffff:198.19.0.1]:4000"
	mappedPeer.Peer = "[::ffff:c613:1]:4000"
	for name, tt := range map[string]struct {
		session emulator.Session
		config  string
		want    []finding
		not     string // in the action
	}{
		"plain":         {session: plain(1)},
		"masked":        {session: masked(1), want: []finding{{warning, "masked", "the one session that was read", "client_address.source: peer may work"}}},
		"IPv4 in IPv6":  {session: mapped, want: []finding{{warning, "masked", "", "client_address.source: peer may work"}}},
		"and the peer":  {session: mappedPeer, want: []finding{{warning, "masked", "", "pass-through"}}, not: "client_address"},
		"both":          {session: both, want: []finding{{warning, "masked", "", "pass-through"}}, not: "client_address"},
		"no peer":       {session: noPeer, want: []finding{{warning, "masked", "", "pass-through"}}, not: "client_address"},
		"source peer":   {session: masked(1), config: "client_address: {source: peer}\n"},
		"peer masked":   {session: swapped, config: "client_address: {source: peer}\n", want: []finding{{warning, "masked", "", "client_address.source: addr may work"}}},
		"peer unneeded": {session: swapped},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, single("i1", tt.session))
			h.scan("i1", "i1-node")
			r := h.check(h.yaml(ofOne) + tt.config)
			wantFindings(t, r, tt.want...)
			if tt.not != "" && strings.Contains(h.table(r), tt.not) {
				t.Errorf("%q in\n%s", tt.not, h.table(r))
			}
			if m := r.Projects[0].Instances[0].Nodes[0].AddressMasked; m == nil || *m != (len(tt.want) > 0) {
				t.Errorf("masked: %v", m)
			}
		})
	}
}

// TestClock checks the findings about clocks that differ.
func TestClock(t *testing.T) {
	for ahead, want := range map[time.Duration]struct {
		seconds float64
		finding []finding
	}{
		0:                                       {0, nil},
		900 * time.Millisecond:                  {0, nil},
		400 * time.Millisecond:                  {0, nil},
		10*time.Second + 500*time.Millisecond:   {10, nil},
		-10*time.Second + 500*time.Millisecond:  {-10, nil},
		45*time.Second + 500*time.Millisecond:   {45, []finding{{warning, "clock", "45s ahead of", "NTP"}}},
		-299*time.Second + 500*time.Millisecond: {-299, []finding{{warning, "clock", "4m59s behind", "NTP"}}},
		300*time.Second + 500*time.Millisecond:  {300, []finding{{failure, "clock", "5m ahead of", "NTP"}}},
	} {
		h := newHarness(t, single("i1", plain(1)))
		h.scan("i1", "i1-node")
		h.now = func() time.Time { return h.clock().Add(ahead) }
		r := h.check(h.yaml(ofOne))
		wantFindings(t, r, want.finding...)
		if got := r.Projects[0].ClockSkewSeconds; got == nil || *got != want.seconds {
			t.Errorf("%s: got %v, want %v", ahead, got, want.seconds)
		}
	}
	// This clock is so far off that signatures are refused.
	h := newHarness(t, single("i1"))
	h.start = h.start.Add(20 * time.Minute)
	h.now = func() time.Time { return h.start.Add(-20*time.Minute + 500*time.Millisecond) }
	r := h.check(h.yaml(ofOne))
	wantFindings(t, r, finding{failure, "auth", "this machine's clock is", "check access key"}, finding{failure, "clock", "20m behind", "NTP"})
	h.wantRequests(r, map[string]int{"list_instances": 1})
}
