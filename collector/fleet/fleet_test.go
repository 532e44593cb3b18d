package fleet_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// fakeAPI answers with lists that a test sets, after a delay, and counts the
// requests.
type fakeAPI struct {
	fleet.API
	delay time.Duration

	mu        sync.Mutex
	instances []dcsapi.Instance
	nodes     []dcsapi.Node
	err       error
	requests  int
}

func (a *fakeAPI) Region() string         { return "r" }
func (a *fakeAPI) KnownProjectID() string { return "p" }
func (a *fakeAPI) HoldOffError() error    { return nil }

func (a *fakeAPI) ListInstances(ctx context.Context) ([]dcsapi.Instance, error) {
	return a.instances, a.request(ctx)
}

func (a *fakeAPI) ListNodes(ctx context.Context, _ string) ([]dcsapi.Node, error) {
	if err := a.request(ctx); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.nodes, nil
}

// request takes the delay, and returns the error that is set.
func (a *fakeAPI) request(ctx context.Context) error {
	a.mu.Lock()
	a.requests++
	err := a.err
	a.mu.Unlock()
	select {
	case <-time.After(a.delay):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer sets what the API answers from now on.
func (a *fakeAPI) answer(nodes []dcsapi.Node, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nodes, a.err = nodes, err
}

// taken returns how many requests there were since it was last called.
func (a *fakeAPI) taken() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.requests
	a.requests = 0
	return n
}

// newFleet returns a fleet whose first lists have been fetched.
func newFleet(t *testing.T, projects []fleet.ProjectOptions, previous *fleet.Fleet) *fleet.Fleet {
	t.Helper()
	o := fleet.Options{DiscoveryInterval: 5 * time.Minute, Timeout: 10 * time.Second, RetryAfter: time.Minute, Keep: time.Hour, Logger: log.NewNopLogger()}
	f := fleet.New(o, projects, previous)
	f.AwaitInstances(t.Context())
	return f
}

func all(dcsapi.Instance) bool { return true }

func idsOf(targets []*fleet.Target) (ids []string) {
	for _, t := range targets {
		ids = append(ids, t.ID)
	}
	return ids
}

// TestTargets checks which instances are targets, in which order, and of which
// project: each once.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &fakeAPI{instances: []dcsapi.Instance{{ID: "c"}, {ID: "b"}, {ID: "a", Name: "named"}}}
		second := &fakeAPI{instances: []dcsapi.Instance{{ID: "b"}, {ID: "d"}, {ID: "skipped"}}}
		f := newFleet(t, []fleet.ProjectOptions{
			{API: first, Discover: all, MaxClients: 100, Instances: []fleet.Instance{{ID: "A", MaxClients: 7}, {ID: "unlisted"}}},
			{API: second, Discover: func(i dcsapi.Instance) bool { return i.ID != "skipped" }},
		}, nil)
		defer f.Close()
		targets, err := f.Targets()
		if got, want := idsOf(targets), []string{"a", "unlisted", "c", "b", "d"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		for id, want := range map[string]struct {
			project    int
			maxClients int
		}{"a": {0, 7}, "A": {0, 7}, "b": {0, 100}, "unlisted": {0, 0}, "d": {1, 0}} {
			target, err := f.Target(id)
			if err != nil || target.Project != f.Projects()[want.project] || target.MaxClients != want.maxClients {
				t.Errorf("%s: got %+v, %v", id, target, err)
			}
		}
		if target, err := f.Target("a"); err != nil || target.Details.Name != "named" {
			t.Errorf("got %+v, %v", target, err)
		}
		for _, id := range []string{"skipped", "nobody"} {
			if _, err := f.Target(id); !errors.Is(err, fleet.ErrUnknownTarget) {
				t.Errorf("%s: got %v", id, err)
			}
		}
	})
}

// TestTargetsUnknown checks what is said of targets while the instances of a project
// have never been listed: at first that they are not known, later what is known.
func TestTargetsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := &fakeAPI{err: errors.New("no answer")}
		f := newFleet(t, []fleet.ProjectOptions{{API: silent, Discover: all, Instances: []fleet.Instance{{ID: "a"}}}}, nil)
		defer f.Close()
		if _, err := f.Targets(); !errors.Is(err, fleet.ErrNotDiscovered) {
			t.Errorf("got %v", err)
		}
		if _, err := f.Target("b"); !errors.Is(err, fleet.ErrNotDiscovered) {
			t.Errorf("got %v", err)
		}
		if _, err := f.Target("a"); err != nil {
			t.Errorf("a configured instance needs no list: %v", err)
		}
		time.Sleep(6 * time.Minute)
		if targets, err := f.Targets(); err != nil || !slices.Equal(idsOf(targets), []string{"a"}) {
			t.Errorf("got %v, %v", idsOf(targets), err)
		}
		synctest.Wait()
	})
}

// TestSessionNodeIDs checks which nodes of each kind of instance are read.
func TestSessionNodeIDs(t *testing.T) {
	nodes := func(types ...string) (out []dcsapi.Node) {
		for _, of := range types {
			out = append(out, dcsapi.Node{ID: of, Type: of})
		}
		return out
	}
	for _, tt := range []struct {
		name         string
		nodes        []dcsapi.Node
		readReplicas bool
		want         []string
	}{
		{"master and replica", nodes("master", "slave"), false, []string{"master"}},
		{"replicas too", nodes("master", "slave"), true, []string{"master", "slave"}},
		{"proxies hide servers", nodes("master", "proxy", "slave"), false, []string{"proxy"}},
		{"and replicas", nodes("master", "proxy", "slave"), true, []string{"proxy"}},
		{"a type that is not known", nodes("new"), false, []string{"new"}},
		{"none", nil, true, nil},
	} {
		if got := fleet.SessionNodeIDs(tt.nodes, tt.readReplicas); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestNodesCached checks that a list of nodes is fetched once for all who wait for
// it, is used while the next one is fetched, stays when that fails, and is not
// asked for again at once.
func TestNodesCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{delay: time.Second}
		f := newFleet(t, []fleet.ProjectOptions{{API: api, Instances: []fleet.Instance{{ID: "a"}}}}, nil)
		defer f.Close()
		api.taken()
		api.answer([]dcsapi.Node{{ID: "n1", Type: "master"}}, nil)
		want := func(when string, nodes []string, took time.Duration, requests int) {
			t.Helper()
			target, err := f.Target("a")
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(func() {
					if got, err := target.NodeIDs(t.Context(), false); err != nil || !slices.Equal(got, nodes) {
						t.Errorf("%s: got %v, %v, want %v", when, got, err, nodes)
					}
				})
			}
			wait.Wait()
			if d := time.Since(start); d != took {
				t.Errorf("%s: it took %s, want %s", when, d, took)
			}
			time.Sleep(2 * time.Second) // what runs in the background ends
			if n := api.taken(); n != requests {
				t.Errorf("%s: %d requests, want %d", when, n, requests)
			}
		}
		want("the first time", []string{"n1"}, time.Second, 1)
		want("while it is young", []string{"n1"}, 0, 0)
		api.answer([]dcsapi.Node{{ID: "n2", Type: "master"}}, nil)
		time.Sleep(6 * time.Minute)
		want("once it is old", []string{"n1"}, 0, 1)
		want("after that", []string{"n2"}, 0, 0)
		api.answer(nil, &dcsapi.Error{Reason: dcsapi.ReasonServer})
		time.Sleep(6 * time.Minute)
		want("while the API fails", []string{"n2"}, 0, 1)
		want("just after that", []string{"n2"}, 0, 0)
		time.Sleep(time.Minute)
		want("a minute later", []string{"n2"}, 0, 1)
	})
}

// TestReloadTakesOver checks that a new fleet takes over what is cached of a project
// whose API stays, and that ending the old one ends the requests of the others only.
func TestReloadTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stays, goes := &fakeAPI{instances: []dcsapi.Instance{{ID: "a"}}}, &fakeAPI{delay: 5 * time.Second}
		before := fleet.New(fleet.Options{DiscoveryInterval: time.Hour, Timeout: time.Minute, Logger: log.NewNopLogger()},
			[]fleet.ProjectOptions{{API: stays, Discover: all}, {API: goes, Discover: all}}, nil)
		before.Projects()[0].AwaitInstances(t.Context())
		stays.taken()
		next := newFleet(t, []fleet.ProjectOptions{{API: stays, Discover: all}}, before)
		defer next.Close()
		start := time.Now()
		before.CloseExcept(next)
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %s: the request of the project that is gone was not cancelled", d)
		}
		if targets, err := next.Targets(); err != nil || !slices.Equal(idsOf(targets), []string{"a"}) || stays.taken() != 0 {
			t.Errorf("got %v, %v: the list should have been taken over", idsOf(targets), err)
		}
		time.Sleep(10 * time.Minute)
		next.Projects()[0].RefreshInstances(time.Minute)
		synctest.Wait()
		if stays.taken() != 1 {
			t.Error("the project that stays no longer asks the API")
		}
	})
}
