package collector

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

// Project is a project to collect from.
type Project struct {
	API          API
	Instances    []Instance
	ReadReplicas bool // where there are no proxies, read the replicas too
	PagesAtOnce  int  // pages of one list that are asked for side by side; at least 1
}

// Instance is an instance to collect from.
type Instance struct {
	ID         string
	Nodes      []string // exactly these; nil to ask the API
	MaxClients int      // 0 if not known
}

// project is what is remembered of a project from one scrape to the next.
type project struct {
	Project
	instances []*instance
	details   *remembered[map[string]dcsapi.Instance] // by instance id
}

// instance is what is remembered of an instance from one scrape to the next.
type instance struct {
	Instance
	nodes *remembered[[]dcsapi.Node]

	mu          sync.Mutex
	known       map[string]*node
	unsupported time.Time // when the API said so last, zero if it did not

	failing atomic.Bool // the last scrape had no nodes of it: for the log
}

func newProject(p Project, o *Options, tasks *background) *project {
	out := &project{Project: p}
	out.details = &remembered[map[string]dcsapi.Instance]{
		ttl: o.DiscoveryInterval, tasks: tasks,
		fetch: func(ctx context.Context) (map[string]dcsapi.Instance, error) {
			list, err := p.API.ListInstances(ctx)
			if err != nil {
				return nil, err
			}
			byID := make(map[string]dcsapi.Instance, len(list))
			for _, i := range list {
				byID[i.ID] = i
			}
			return byID, nil
		},
	}
	for _, i := range p.Instances {
		out.instances = append(out.instances, &instance{
			Instance: i,
			known:    make(map[string]*node),
			nodes: &remembered[[]dcsapi.Node]{
				ttl: o.DiscoveryInterval, tasks: tasks,
				fetch: func(ctx context.Context) ([]dcsapi.Node, error) { return p.API.ListNodes(ctx, i.ID) },
			},
		})
	}
	return out
}

// node returns what is remembered of a node.
func (i *instance) node(id string) *node {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.known[id]
	if n == nil {
		n = newNode(i.ID, id)
		i.known[id] = n
	}
	return n
}

// forget drops what is remembered of nodes that are read no more.
func (i *instance) forget(keep []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.known, func(id string, _ *node) bool { return !slices.Contains(keep, id) })
}

// isUnsupported tells whether the API has said lately that the instance has no
// session management.
func (i *instance) isUnsupported(within time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.unsupported.IsZero() && time.Since(i.unsupported) < within
}

func (i *instance) setUnsupported() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.unsupported = time.Now()
}

// toRead returns the nodes of an instance that hold its clients' sessions: the
// configured ones; else the proxies, where there are any; else the servers.
func (i *instance) toRead(ctx context.Context, readReplicas bool) ([]string, error) {
	if i.Nodes != nil {
		i.knownNodes()
		return i.Nodes, nil
	}
	all, have, err := i.nodes.get(ctx)
	if !have {
		return nil, err
	}
	nodes := holders(all, readReplicas)
	if len(nodes) == 0 {
		return nil, &dcsapi.Error{Op: "list nodes of instance " + i.ID, Reason: dcsapi.ReasonNotFound, Message: "the instance has no node that holds sessions"}
	}
	i.forget(nodes)
	return nodes, nil
}

// knownNodes returns the details of nodes by their ids, if they are there, and
// sees to it that they will be.
func (i *instance) knownNodes() map[string]dcsapi.Node {
	done, cancel := context.WithCancel(context.Background())
	cancel() // do not wait
	all, _, _ := i.nodes.get(done)
	byID := make(map[string]dcsapi.Node, len(all))
	for _, n := range all {
		byID[n.ID] = n
	}
	return byID
}

// holders picks the nodes that clients are connected to: proxies hide the
// servers behind them, whose sessions are the proxies' own.
func holders(all []dcsapi.Node, readReplicas bool) []string {
	var proxies, servers []string
	for _, n := range all {
		switch {
		case n.IsProxy():
			proxies = append(proxies, n.ID)
		case readReplicas || !n.IsReplica():
			servers = append(servers, n.ID)
		}
	}
	if len(proxies) > 0 {
		return proxies
	}
	return servers
}
