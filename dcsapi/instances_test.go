package dcsapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestLargeInstanceList reads more instances than a page holds, and the nodes
// of them all.
func TestLargeInstanceList(t *testing.T) {
	api := newEmulator()
	for i := range 2100 {
		api.Add(emulator.Instance{ID: fmt.Sprintf("i%d", i), ProjectID: "project-1", Nodes: []emulator.Node{{ID: fmt.Sprintf("n%d", i)}, {ID: "m"}}})
	}
	api.Add(emulator.Instance{ID: "bare", ProjectID: "project-1"})
	c := newClient(t, api, nil)
	list, err := c.ListInstances(t.Context())
	if err != nil || len(list) != 2102 {
		t.Errorf("%d instances, %v", len(list), err)
	}
	nodes, err := c.ListProjectNodes(t.Context())
	if err != nil || len(nodes) != 2101 || len(nodes["i2099"]) != 2 || nodes["i2099"][0].ID != "n2099" {
		t.Errorf("nodes of %d instances, %v: %+v", len(nodes), err, nodes["i2099"])
	}
	if _, there := nodes["bare"]; there {
		t.Error("an instance without nodes is in the list")
	}
}

// TestInstancePages checks what ends a list of instances, and what is wrong
// with one. An answer is the ids of its page and the count.
func TestInstancePages(t *testing.T) {
	type answer struct {
		ids   int // how many
		total any
	}
	for name, tt := range map[string]struct {
		answers []answer // the last one is repeated; ids go on from page to page
		repeat  bool     // ids begin anew on each page
		want    int
		wrong   dcsapi.Reason
	}{
		"none":                   {answers: []answer{{0, 0}}},
		"no count":               {answers: []answer{{3, nil}, {2, nil}, {0, nil}}, want: 5},
		"smaller pages":          {answers: []answer{{100, 250}, {100, 250}, {50, 250}}, want: 250},
		"fewer than counted":     {answers: []answer{{3, 4}, {0, 4}}, want: 3},
		"more than counted":      {answers: []answer{{1000, 1000}, {5, 1000}}, want: 1005},
		"counted but not listed": {answers: []answer{{0, 7}}, wrong: dcsapi.ReasonInconsistent},
		"the same again, whole":  {answers: []answer{{1000, 1000}}, repeat: true, want: 1000},
		"the same again":         {answers: []answer{{1000, 3000}}, repeat: true, wrong: dcsapi.ReasonInconsistent},
		"an error on the second": {answers: []answer{{1000, 2000}, {-1, 0}}, wrong: dcsapi.ReasonForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			asked, next := 0, 0
			c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				a := tt.answers[min(asked, len(tt.answers)-1)]
				asked++
				if a.ids < 0 {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				if tt.repeat {
					next = 0
				}
				instances := []map[string]any{}
				for range a.ids {
					instances = append(instances, map[string]any{"instance_id": fmt.Sprintf("i%d", next)})
					next++
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"instance_num": a.total, "instances": instances})
			}), nil)
			list, err := c.ListInstances(t.Context())
			if len(list) != tt.want || dcsapi.ReasonOf(err) != tt.wrong {
				t.Errorf("%d instances, %v; want %d, %q", len(list), err, tt.want, tt.wrong)
			}
		})
	}
}

// TestIDCase checks that only instances are the same if their ids differ in case
// alone: no node or project is dropped for that.
func TestIDCase(t *testing.T) {
	var body string
	c, _ := answering(t, &body)
	body = `{"nodes":[{"node_id":"n1"},{"node_id":"N1"},{"node_id":"n1"}]}`
	if nodes, err := c.ListNodes(t.Context(), "i1"); err != nil || len(nodes) != 2 {
		t.Errorf("nodes: %v, %v", nodes, err)
	}
	body = `{"projects":[{"id":"p1","name":"cn-north-4"},{"id":"P1","name":"cn-north-4"}]}`
	if projects, err := c.ListProjects(t.Context()); err != nil || len(projects) != 2 {
		t.Errorf("projects: %v, %v", projects, err)
	}
	body = `{"instance_num":1,"instances":[{"instance_id":"i1"},{"instance_id":"I1"}]}`
	if instances, err := c.ListInstances(t.Context()); err != nil || len(instances) != 1 {
		t.Errorf("instances: %v, %v", instances, err)
	}
}
