package fleet

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"
)

// Target is an instance to read, configured or discovered. It is safe for concurrent
// use, and must not be modified.
type Target struct {
	Instance                  // of a discovered one only the id, and the project's MaxClients
	Details   dcsapi.Instance // as far as known when the target was returned
	Region    string
	ProjectID string // "" while it is not known
	Project   *Project

	cached *instance
}

// instance is what is cached of an instance.
type instance struct {
	nodes *cache[[]dcsapi.Node]

	mu          sync.Mutex
	unsupported time.Time // when the API last said that it has no session management
}

// instance returns what is cached of an instance.
func (l *lists) instance(id string) *instance {
	return l.instances.Get(id, func() *instance {
		return &instance{nodes: &cache[[]dcsapi.Node]{
			tasks: l.tasks,
			fetch: func(ctx context.Context) ([]dcsapi.Node, error) { return l.api.ListNodes(ctx, id) },
		}}
	})
}

// target returns the target of an instance.
func (p *Project) target(i Instance, details dcsapi.Instance) *Target {
	return &Target{Instance: i, Details: details, Region: p.api.Region(), ProjectID: p.api.KnownProjectID(), Project: p, cached: p.instance(i.ID)}
}

// NodesKnown reports whether NodeIDs returns without waiting.
func (t *Target) NodesKnown() bool {
	_, _, have := t.cached.nodes.peek()
	return have || t.Nodes != nil
}

// NodeIDs returns the ids of the nodes to read: the configured ones in their order,
// else those that SessionNodeIDs returns for the list of nodes. The caller must not
// modify the slice. together says that the nodes of all instances are listed together
// (see Project.AwaitNodes): the instance's own are asked for only if they are missing
// there.
//
// It waits for the list of nodes if there is none yet and no nodes are configured;
// an old one is used, and fetched again in the background. It returns an error, a
// *dcsapi.Error, if there is no list, or if no node of the list is to be read (then
// with dcsapi.ReasonNotFound).
func (t *Target) NodeIDs(ctx context.Context, together bool) ([]string, error) {
	o := t.Project.tasks.options.Load()
	ttl := o.DiscoveryInterval
	if t.Nodes != nil {
		t.cached.nodes.refresh(ttl) // for the info metrics
		return t.Nodes, nil
	}
	if together && t.listedTogether() {
		ttl = math.MaxInt64
	}
	all, have, err := t.cached.nodes.get(ctx, ttl)
	if !have && err != nil {
		return nil, t.notListed(err)
	}
	ids := SessionNodeIDs(all, t.Project.ReadReplicas)
	if len(ids) == 0 {
		t.cached.nodes.refresh(o.RetryAfter) // one empty list may be wrong
		return nil, &dcsapi.Error{Op: "list nodes of instance " + t.ID, Reason: dcsapi.ReasonNotFound, Message: "the instance has no node that holds sessions"}
	}
	return ids, nil
}

// notListed returns why there is no list of nodes: err, in words where it only says
// that the context has ended.
func (t *Target) notListed(err error) error {
	message := "no response before the deadline"
	_, own := errors.AsType[*dcsapi.Error](err)
	switch {
	case err == nil, own:
		return err
	case errors.Is(err, context.Canceled):
		message = "cancelled: the caller disconnected"
	}
	return &dcsapi.Error{Op: "list nodes of instance " + t.ID, Reason: dcsapi.ReasonTimeout, Message: message}
}

// listedTogether reports whether the target's nodes were on the last list of the
// nodes of all instances.
func (t *Target) listedTogether() bool {
	lists, _, have := t.Project.nodeLists.peek()
	_, fetched, _ := t.cached.nodes.peek()
	return have && !t.Project.nodeLists.failing() && !fetched.Before(lists.requested)
}

// NodeDetails returns the details of the target's nodes by id, as far as known. It
// does not wait. The map is the caller's.
func (t *Target) NodeDetails() map[string]dcsapi.Node {
	all, _, _ := t.cached.nodes.peek()
	byID := make(map[string]dcsapi.Node, len(all))
	for _, n := range all {
		byID[n.ID] = n
	}
	return byID
}

// SessionNodes returns the nodes to read, in the order of NodeIDs, for which it waits
// and whose errors it returns. Of nodes that the configuration names and the API
// has not listed, only the ids are known.
func (t *Target) SessionNodes(ctx context.Context) ([]dcsapi.Node, error) {
	ids, err := t.NodeIDs(ctx, false)
	if err != nil {
		return nil, err
	}
	details := t.NodeDetails()
	nodes := make([]dcsapi.Node, len(ids))
	for i, id := range ids {
		nodes[i] = details[id]
		nodes[i].ID = id
	}
	return nodes, nil
}

// AllNodes returns all nodes of the target, read or not, in the API's order, and the
// ids of those to read, of which there may be none. It waits for the list of nodes
// if there is none yet. Nodes that the configuration names and the API does not list
// come last, and only their ids are known. If there is no list, it returns the
// configured nodes, or the error of the API or the context if none are configured.
func (t *Target) AllNodes(ctx context.Context) (all []dcsapi.Node, read []string, err error) {
	listed, have, err := t.cached.nodes.get(ctx, t.Project.tasks.options.Load().DiscoveryInterval)
	if !have && t.Nodes == nil {
		return nil, nil, t.notListed(err)
	}
	all = slices.Clone(listed)
	if t.Nodes == nil {
		return all, SessionNodeIDs(all, t.Project.ReadReplicas), nil
	}
	for _, id := range t.Nodes {
		if !slices.ContainsFunc(all, func(n dcsapi.Node) bool { return n.ID == id }) {
			all = append(all, dcsapi.Node{ID: id})
		}
	}
	return all, t.Nodes, nil
}

// RefreshNodesAfter lists the nodes again, in the background, if an error shows
// that they have changed (see dcsapi.IsUnknownNode), unless the API has failed to
// list them within Options.RetryAfter.
func (t *Target) RefreshNodesAfter(err error) {
	if dcsapi.IsUnknownNode(err) {
		t.cached.nodes.refresh(0)
	}
}

// Unsupported reports whether SetUnsupported was called for the instance within
// Options.DiscoveryInterval.
func (t *Target) Unsupported() bool {
	t.cached.mu.Lock()
	defer t.cached.mu.Unlock()
	at := t.cached.unsupported
	return !at.IsZero() && time.Since(at) < t.Project.tasks.options.Load().DiscoveryInterval
}

// SetUnsupported records that the instance has been found to have no session
// management.
func (t *Target) SetUnsupported() {
	t.cached.mu.Lock()
	defer t.cached.mu.Unlock()
	t.cached.unsupported = time.Now()
}

// SessionNodeIDs returns the ids of the nodes whose sessions are those of clients,
// in the order of all: the proxies, where there are any, since they hide the servers
// behind them; else the servers, replicas among them only with readReplicas. It
// returns nil if there are none.
func SessionNodeIDs(all []dcsapi.Node, readReplicas bool) []string {
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
