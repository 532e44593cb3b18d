package collector_test

import (
	"fmt"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// multi is several projects with emulated APIs of their own.
type multi struct {
	apis     []*emulator.Server
	projects []collector.Project
}

func newMulti(t *testing.T, projects int) *multi {
	t.Helper()
	f := &multi{}
	for range projects {
		var client *dcsapi.Client
		h := newHarness(t, setup{client: func(o *dcsapi.Options) {
			o.Region, o.ProjectID = fmt.Sprintf("region-%d", len(f.apis)), fmt.Sprintf("project-%d", len(f.apis))
			client = dcsapi.New(*o)
		}})
		t.Cleanup(client.Close)
		id := fmt.Sprintf("project-%d", len(f.apis))
		h.api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{id}})
		f.apis = append(f.apis, h.api)
		f.projects = append(f.projects, collector.Project{API: client, ReadReplicas: true, PagesAtOnce: 4})
	}
	return f
}

// add adds an instance to a project.
func (f *multi) add(project int, i emulator.Instance) {
	i.ProjectID = fmt.Sprintf("project-%d", project)
	f.apis[project].Add(i)
}

// TestSeveralProjects checks that projects do not disturb each other, and which
// has an instance that several list.
func TestSeveralProjects(t *testing.T) {
	t.Parallel()
	f := newMulti(t, 4)
	for p := range 4 {
		f.add(p, named(fmt.Sprintf("own-%d", p), "x", p+1))
		f.add(p, named("twice", "x", 10+p))
		f.add(p, named("listed", "x", 20+p))
	}
	for p := range 3 {
		f.projects[p].Discover = all
	}
	f.projects[3].Instances = []fleet.Instance{{ID: "listed"}}
	f.apis[2].AddFault(emulator.Fault{Status: 401, Code: "APIGW.0301", BeforeAuth: true})
	h := newHarness(t, setup{collector: func(o *collector.Options) { o.Projects = f.projects }})
	got := h.until("all is known", func(g families) bool { return len(g["dcs_up"].GetMetric()) == 4 })
	for p, up := range []float64{1, 1, 0, 1} {
		got.want(t, up, "dcs_project_up", fmt.Sprintf("region=region-%d", p), fmt.Sprintf("project_id=project-%d", p))
	}
	got.wantNodeUp(t, "own-0-node-1", 1)
	got.wantNodeUp(t, "own-1-node-1", 2)
	got.wantNone(t, "dcs_up", "instance_id=own-2")
	got.wantNodeUp(t, "twice-node-1", 10)
	got.wantNodeUp(t, "listed-node-1", 23)
	for _, id := range []string{"twice", "listed"} {
		target, err := h.collector.Fleet().Target(id)
		if want := map[string]string{"twice": "project-0", "listed": "project-3"}[id]; err != nil || target.ProjectID != want {
			t.Errorf("%s is in %+v, %v, want %s", id, target, err, want)
		}
	}
	f.apis[0].Remove("twice")
	h.until("the second project has it now", func(g families) bool { return g.sum("dcs_sessions", "node_id=twice-node-1") == 11 })
}

// TestIAMFails checks that a project whose id cannot be found out costs only
// itself.
func TestIAMFails(t *testing.T) {
	t.Parallel()
	f := newMulti(t, 1)
	f.add(0, named("i1", "x", 1))
	f.projects[0].Discover = all
	var client *dcsapi.Client
	newHarness(t, setup{
		client: func(o *dcsapi.Options) {
			o.ProjectID = ""
			client = dcsapi.New(*o)
		},
		faults: []emulator.Fault{{Operation: "list_projects", Status: 500}},
	})
	t.Cleanup(client.Close)
	h := newHarness(t, setup{collector: func(o *collector.Options) {
		o.Projects = []collector.Project{f.projects[0], {API: client, Discover: all, Instances: []fleet.Instance{{ID: "i2"}, {ID: "i3", Nodes: []string{"n"}}}}}
	}})
	got := h.until("the good project is read", func(g families) bool { return g.sum("dcs_up", "instance_id=i1") == 1 })
	got.want(t, 1, "dcs_project_up", "project_id=project-0")
	got.want(t, 0, "dcs_project_up", "project_id=", "region="+region)
	got.want(t, 0, "dcs_up", "instance_id=i2")
	got.want(t, 1, "dcs_node_error", "instance_id=i2", "node_id=", "reason=server")
	got.want(t, 1, "dcs_node_error", "instance_id=i3", "node_id=n", "reason=server")
}

// TestSameProjectTwice checks that two entries that turn out to be one project
// make no series twice.
func TestSameProjectTwice(t *testing.T) {
	f := newMulti(t, 1)
	f.add(0, named("i1", "x", 1))
	f.add(0, named("i2", "x", 2))
	one, two := f.projects[0], f.projects[0]
	one.Discover, two.Discover = all, all
	other := newMulti(t, 1)
	two.API = other.projects[0].API
	other.add(0, named("i1", "x", 1))
	other.add(0, named("i2", "x", 2))
	h := newHarness(t, setup{collector: func(o *collector.Options) {
		o.Projects, o.DiscoveryInterval = []collector.Project{one, two}, time.Nanosecond
	}})
	got := h.until("all is read", func(g families) bool { return g.sum("dcs_up") == 2 })
	got.want(t, 1, "dcs_project_up")
	other.apis[0].AddFault(emulator.Fault{Status: 401, Code: "APIGW.0301", BeforeAuth: true})
	h.until("one of them fails", func(g families) bool { v, ok := g.value("dcs_project_up"); return ok && v == 0 })
}
