package onlinecheck_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestCause checks which failures are reported as consequences of a project that
// IAM does not know in the region, and which are not.
func TestCause(t *testing.T) {
	fault := func(operation string, status int, code string) emulator.Fault {
		return emulator.Fault{BeforeAuth: true, Operation: operation, Status: status, Code: code, Message: "no"}
	}
	// The emulated project-1 belongs to cn-north-4.
	for _, tt := range []struct {
		name       string
		region, id string
		faults     []emulator.Fault
		instances  string
		want       []finding
		perms      string
	}{
		{
			name: "not found", region: "cn-north-4", id: "nobodys",
			faults: []emulator.Fault{fault("list_instances", 404, "APIGW.0101"), fault("show_instance", 404, "DCS.3022"), fault("list_clients", 404, "DCS.3053")},
			want: []finding{
				{failure, "region", "IAM does not know project nobodys in region cn-north-4", "set project_id: project-1"},
				{consequence, "not_found", "cannot list the project's instances: HTTP 404 APIGW.0101: no", "fixing the project's first failure"},
				{consequence, "not_found", "the project has no such instance", "fixing the project's first failure"},
			},
			perms: "- - -",
		},
		{
			name: "IAM cannot say", region: "cn-north-4", id: "nobodys",
			faults: []emulator.Fault{fault("list_projects", 403, "")},
			want: []finding{
				{failure, "forbidden", "cannot list the project's instances, the key's user lacks dcs:instance:list", "grant dcs:instance:list"},
				{failure, "forbidden", "cannot look up the instance, the key's user lacks", "grant dcs:instance:get"},
			},
			perms: "no no -",
		},
		{
			name: "IAM knows it", region: "cn-north-4", id: "project-1",
			faults: []emulator.Fault{fault("list_instances", 403, "DCS.2003")},
			want:   []finding{{failure, "forbidden", "lacks dcs:instance:list", "grant dcs:instance:list"}},
			perms:  "no yes yes",
		},
		{
			name: "of another region, where it works", region: "cn-east-3", id: "project-1",
			faults: []emulator.Fault{fault("list_clients", 403, "DCS.3002")},
			want: []finding{
				{failure, "region", "IAM does not know project project-1 in region cn-east-3", "set region: cn-north-4"},
				{failure, "forbidden", "lacks dcs:clients:list", "grant dcs:clients:list"},
			},
			perms: "yes yes no",
		},
		{
			name: "of another region, where it is empty", region: "cn-east-3", id: "project-2", instances: "    instances: [{id: i1}, {id: i2}]\n",
			want: []finding{
				{failure, "region", "IAM does not know project project-2 in region cn-east-3: it belongs to region cn-north-4", "set region: cn-north-4"},
				{consequence, "not_found", "the project has no such instance", "fixing the project's first failure"},
				{consequence, "not_found", "the project has no such instance", "fixing the project's first failure"},
			},
			perms: "yes - -",
		},
		{
			name: "other trouble", region: "cn-north-4", id: "nobodys",
			faults: []emulator.Fault{fault("list_instances", 503, "DCS.5000")},
			want: []finding{
				{failure, "region", "IAM does not know project nobodys", ""},
				{failure, "server", "cannot list the project's instances: HTTP 503", "support"},
				{consequence, "forbidden", "cannot look up the instance: HTTP 403", "fixing the project's first failure"},
			},
			perms: "- - -",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, single("i1", plain(1)))
			h.api.SetProjectsAtIAM("cn-north-4", "project-1", "project-2")
			if tt.id != "project-2" {
				h.api.SetProjectsAtIAM("cn-north-4", "project-1")
			}
			h.scan("i1", "i1-node")
			h.api.SetFaults(tt.faults...)
			instances := ofOne
			if tt.instances != "" {
				instances = tt.instances
			}
			text := "projects:\n" + h.project(tt.region, tt.id, h.server.URL) + instances
			r := h.check(text)
			wantFindings(t, r, tt.want...)
			p := r.Projects[0]
			if got := permissions(p); got != tt.perms {
				t.Errorf("permissions %s, want %s", got, tt.perms)
			}
			if tt.want[0].reason == "region" && (p.Findings[0].Reason != "region" || !strings.Contains(h.table(r), "\n  [1] project "+tt.id+" in "+tt.region+": IAM does not know")) {
				t.Errorf("the cause does not come first:\n%s", h.table(r))
			}
			for _, f := range findings(r) {
				if (f.CausedBy == "region") != (f.Severity == consequence) || (f.CausedBy != "" && f.CausedBy != "region") {
					t.Errorf("caused by %q: %+v", f.CausedBy, f)
				}
			}
			if t.Failed() {
				t.Log("\n" + h.table(r))
			}
			h.wantSameWithoutWords(r, text, tt.faults...)
		})
	}
}
