package fleet

import (
	"context"
	"time"

	"dcs_session_exporter/dcsapi"
)

// nodeLists records a request for the nodes of all instances together; the nodes
// themselves are cached by instance.
type nodeLists struct{ requested time.Time }

// nodeListsLimit is how long listing the nodes of all instances may take. It has
// many pages in a large project, which share the rate limit with the scrapes.
const nodeListsLimit = 15 * time.Minute

// fetchNodeLists lists the nodes of all instances.
func (l *lists) fetchNodeLists(ctx context.Context) (nodeLists, error) {
	requested := time.Now()
	byInstance, err := l.api.ListProjectNodes(ctx)
	if err != nil {
		return nodeLists{}, err
	}
	for id, nodes := range byInstance {
		l.instance(id).nodes.set(nodes)
	}
	return nodeLists{requested}, nil
}

// ListsNodesTogether reports whether the nodes of the project's targets take
// fewer requests if those of all instances are listed together. It does not while
// the instances have never been listed.
func (p *Project) ListsNodesTogether() bool {
	inventory, _, have := p.inventory.peek()
	targets := len(p.Instances)
	if p.Discover != nil {
		targets = max(targets, len(inventory.list))
	}
	return have && targets > (len(inventory.list)+dcsapi.MaxNodesLimit-1)/dcsapi.MaxNodesLimit
}

// AwaitNodes lists the nodes of all instances together, in the background, where
// that is due. It waits only if they have never been listed: until they have been or
// could not be, the context ends, or the given time comes. The wait is shortened by
// the time that the listing has already taken, so that a scrape that meets a slow one
// does not wait as long again.
func (l *lists) AwaitNodes(ctx context.Context, until time.Time) {
	ctx, cancel := context.WithDeadline(ctx, until.Add(-l.nodeLists.fetchingFor()))
	defer cancel()
	_, _, _ = l.nodeLists.get(ctx, l.tasks.options.Load().DiscoveryInterval)
}
