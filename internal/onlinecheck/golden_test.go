package onlinecheck_test

import (
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// TestGolden compares the whole output, as a table and as JSON.
func TestGolden(t *testing.T) {
	t.Run("mixed", func(t *testing.T) {
		stopped := single("stopped")
		stopped.Status = "FROZEN"
		old := single("redis3")
		old.Unsupported = true
		h := newHarness(t,
			instance("ha", node("master", "redis-server", "ha-1", plain(1), plain(2)), node("slave", "redis-server", "ha-2")),
			instance("proxied", node("proxy", "redis-proxy", "px-1", masked(1)), node("master", "redis-server", "px-2"), node("slave", "redis-server", "px-3")),
			single("new"), stopped, old, single("listed", plain(1)),
		)
		h.start = h.start.Add(-7 * time.Minute) // signatures are good for 15 minutes around the API's clock
		h.scan("ha", "ha-1")
		h.scan("listed", "listed-node")
		h.later(14*time.Minute + 7*time.Second)
		h.scan("ha", "ha-2")
		h.scan("proxied", "px-1")
		h.later(12 * time.Second)
		h.now = func() time.Time { return h.clock().Add(90*time.Second + 500*time.Millisecond) }
		r := h.check(h.yaml("    instances:\n      - {id: ha}\n      - {id: proxied}\n      - {id: new}\n      - {id: stopped}\n      - {id: redis3}\n      - {id: gone}\n      - {id: listed, nodes: [listed-node, no-node]}\n") + limits)
		h.golden("mixed.txt", h.table(r))
		h.golden("mixed.json", h.json(r))
	})
	t.Run("ok", func(t *testing.T) {
		h := newHarness(t, single("i1", plain(1), plain(2)))
		h.scan("i1", "i1-node")
		h.later(3 * time.Second)
		r := h.check(h.yaml(ofOne) + limits)
		if r.Result != onlinecheck.OK {
			t.Errorf("the result is %s", r.Result)
		}
		h.golden("ok.txt", h.table(r))
		h.golden("ok.json", h.json(r))
		h.wantRequests(r, map[string]int{"list_instances": 1, "list_nodes": 1, "list_clients": 1, "list_configs": 1, "list_projects": 1})
		for _, request := range h.api.Requests() {
			if request.Operation == "list_clients" && (request.Limit != 1 || request.Offset != 0) {
				t.Errorf("more than one session was asked for: %+v", request)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		h := newHarness(t, single("i1"))
		h.api.SetKey(emulator.Key{AccessKey: accessKey, SecretKey: "another", Projects: []string{"project-1"}})
		r := h.check(h.yaml("    instances: [{id: i1}, {id: i2}]\n"))
		h.golden("refused.txt", h.table(r))
		h.golden("refused.json", h.json(r))
	})
	t.Run("foreign", func(t *testing.T) {
		h := newHarness(t, single("i1"))
		h.api.SetProjectsAtIAM("cn-north-4", "project-1", "project-2")
		h.api.SetProjectsAtIAM("cn-east-3", "project-3")
		r := h.check("projects:\n" + h.project("cn-north-4", "nobodys", h.server.URL) + "    instances: [{id: i1, nodes: [n1, n2]}, {id: i2}, {id: i3}, {id: i4}]\n")
		h.golden("foreign.txt", h.table(r))
		h.golden("foreign.json", h.json(r))
		if f := r.Projects[0].Findings[0]; r.Failures != 1 || r.Consequences != 8 || f.Severity != failure || f.Reason != "region" {
			t.Errorf("%d failures with %d consequences; the first is %+v", r.Failures, r.Consequences, f)
		}
	})
}
