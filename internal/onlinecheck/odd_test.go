package onlinecheck_test

import (
	"bytes"
	"testing"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// TestOddities checks that an oddity in an answer gives one warning, and that the
// rest of the answer is checked.
func TestOddities(t *testing.T) {
	h := newHarness(t, single("i1", plain(1)), single("i2", plain(2)))
	h.scan("i1", "i1-node")
	h.scan("i2", "i2-node")
	change := func(operation, from, to string) emulator.Fault {
		return emulator.Fault{Operation: operation, Rewrite: func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(from), []byte(to)) }}
	}
	for _, tt := range []struct {
		name  string
		fault emulator.Fault
		want  []finding
		read  int
	}{
		{"tags", change("list_instances", `"tags":[]`, `"tags":""`), []finding{{warning, "decode", `instance i1, instance i2: "tags" is a string, not a list`, "report it"}}, 2},
		{"no id", change("list_instances", `"instance_id":"i1"`, `"instance_id":{}`), []finding{
			{warning, "decode", `element 1 ("i1-name"): "instance_id" is an object: the instance is left out`, "report it"},
		}, 1},
		{"a node", change("list_project_nodes", `"nodes":[`, `"nodes":[3,`), []finding{
			{warning, "decode", `element 1 of instance i1, element 1 of instance i2: it is a number, not an object: the node is left out`, ""},
		}, 2},
		{"a mark", emulator.Fault{Rewrite: func(body []byte) []byte { return append([]byte("\xef\xbb\xbf"), body...) }}, nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.api.SetFaults(tt.fault)
			r := h.check(h.yaml("    discover: {}\n"))
			wantFindings(t, r, tt.want...)
			read := 0
			for _, i := range r.Projects[0].Instances {
				for _, n := range i.Nodes {
					if n.Result == onlinecheck.OK && n.Sessions != nil {
						read++
					}
				}
			}
			if read != tt.read {
				t.Errorf("%d nodes were read, want %d\n%s", read, tt.read, h.table(r))
			}
		})
	}
}

// TestInstanceIDCase checks that an instance that is configured in another case is
// recognised, and not discovered a second time.
func TestInstanceIDCase(t *testing.T) {
	h := newHarness(t, single("Orders-A", plain(1)))
	h.scan("Orders-A", "Orders-A-node")
	for name, fault := range map[string]emulator.Fault{
		"listed":     {},
		"not listed": {Operation: "list_instances", Status: 403, Code: "DCS.3002"},
	} {
		id := map[bool]string{true: "ORDERS-A", false: "Orders-A"}[name == "listed"]
		t.Run(name, func(t *testing.T) {
			h.api.SetFaults(fault)
			r := h.check(h.yaml("    instances: [{id: " + id + "}]\n    discover: {}\n"))
			if all := r.Projects[0].Instances; len(all) != 1 || all[0].ID != "orders-a" || len(all[0].Nodes) != 1 || all[0].Nodes[0].Result != onlinecheck.OK {
				t.Errorf("got\n%s", h.table(r))
			}
		})
	}
}
