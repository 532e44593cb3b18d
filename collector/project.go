package collector

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

// Project is a project to collect from.
type Project struct {
	API          API
	Instances    []Instance
	Discover     func(dcsapi.Instance) bool // which further instances to read; nil for none
	ReadReplicas bool                       // where there are no proxies, read the replicas too
	PagesAtOnce  int                        // pages of lists that are asked for side by side; at least 1
}

// Instance is an instance to collect from.
type Instance struct {
	ID         string   // in any case; of targets the canonical one
	Nodes      []string // exactly these; nil to ask the API
	MaxClients int      // 0 if not known
}

// project is a project as one configuration has it.
type project struct {
	Project
	*known
	share *pageShare
}

// known is what is remembered of a project, from one scrape to the next and
// from one configuration to the next.
type known struct {
	api       API
	tasks     *background
	inventory *remembered[inventory]
	nodeLists *remembered[nodeLists]

	failing atomic.Bool // the instances could not be listed last: for the log

	mu         sync.Mutex
	configured map[string]bool      // instances that the configuration names
	instances  map[string]*instance // by id
}

// inventory is what instances a project has.
type inventory struct {
	list []dcsapi.Instance
	at   map[string]int // position in list, by id
}

// get returns an instance, if it is there.
func (i inventory) get(id string) (dcsapi.Instance, bool) {
	k, ok := i.at[id]
	if !ok {
		return dcsapi.Instance{}, false
	}
	return i.list[k], true
}

// nodeLists are the nodes of a project's instances, fetched together. They are
// handed on to the instances: what stays is when they were asked for.
type nodeLists struct{ asked time.Time }

// instance is what is remembered of an instance.
type instance struct {
	lastListed
	id    string
	nodes *remembered[[]dcsapi.Node]

	mu          sync.Mutex
	known       map[string]*node
	unsupported time.Time // when the API said so last, zero if it did not

	failing atomic.Bool // the last scrape had no nodes of it: for the log
}

func newKnown(api API, o *Options) *known {
	k := &known{api: api, tasks: newBackground(o, api.HeldOff), instances: make(map[string]*instance)}
	k.inventory = &remembered[inventory]{tasks: k.tasks, fetch: k.fetchInventory}
	k.nodeLists = &remembered[nodeLists]{tasks: k.tasks, fetch: k.fetchNodeLists, long: nodeListsTime}
	return k
}

// configure takes over what a configuration says.
func (k *known) configure(instances []Instance, o *Options) {
	k.tasks.options.Store(o)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.configured = make(map[string]bool)
	for _, i := range instances {
		k.configured[i.ID] = true
	}
}

// fetchInventory lists the instances, and forgets those that are gone.
func (k *known) fetchInventory(ctx context.Context) (inventory, error) {
	list, err := k.api.ListInstances(ctx)
	logger := k.tasks.options.Load().Logger
	if was := k.failing.Swap(err != nil); was != (err != nil) {
		if err != nil {
			level.Warn(logger).Log("msg", "cannot list the instances: those that are known already are still read", "region", k.api.Region(), "reason", dcsapi.ReasonOf(err), "err", err)
		} else {
			level.Info(logger).Log("msg", "instances can be listed again", "region", k.api.Region(), "instances", len(list))
		}
	}
	if err != nil {
		return inventory{}, err
	}
	out := inventory{list: list, at: make(map[string]int, len(list))}
	for i := range list {
		out.at[list[i].ID] = i
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	forget(k.instances, len(out.at)+len(k.configured), k.tasks.options.Load().keep(), func(id string) bool {
		_, there := out.at[id]
		return there || k.configured[id]
	})
	return out, nil
}

// fetchNodeLists lists the nodes of all instances.
func (k *known) fetchNodeLists(ctx context.Context) (nodeLists, error) {
	asked := time.Now()
	lists, err := k.api.ListProjectNodes(ctx)
	if err != nil {
		return nodeLists{}, err
	}
	for id, nodes := range lists {
		k.instance(id).nodes.set(nodes)
	}
	return nodeLists{asked}, nil
}

// instance returns what is remembered of an instance.
func (k *known) instance(id string) *instance {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.instances[id]
	if i == nil {
		i = &instance{id: id, known: make(map[string]*node)}
		i.nodes = &remembered[[]dcsapi.Node]{
			tasks: k.tasks,
			fetch: func(ctx context.Context) ([]dcsapi.Node, error) { return k.api.ListNodes(ctx, id) },
		}
		k.instances[id] = i
	}
	return i
}

// nodesAtOnce tells whether the nodes of the project's targets take fewer
// requests if those of all its instances are listed together.
func (p *project) nodesAtOnce() bool {
	const perPage = 100
	inventory, _, have := p.inventory.peek()
	targets := len(p.Instances)
	if p.Discover != nil {
		targets = max(targets, len(inventory.list))
	}
	return have && targets > (len(inventory.list)+perPage-1)/perPage
}

// nodeListsTime is how long listing the nodes of all instances may take. It has
// many pages in a large project, which share the rate limit with the scrapes.
const nodeListsTime = 15 * time.Minute

// awaitNodeLists sees to it that the nodes of all instances are listed, and
// waits for that if they never were: not again in each scrape if it takes
// longer than one.
func (k *known) awaitNodeLists(ctx context.Context, ttl time.Duration) {
	until := shareOf(ctx, detailsShare).Add(-k.nodeLists.loadingFor())
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	_, _, _ = k.nodeLists.get(ctx, ttl)
}

// nodesOf returns the nodes of an instance. atOnce says that they come with
// those of the other instances: the instance asks for itself only where that
// falls short.
func (k *known) nodesOf(ctx context.Context, i *instance, atOnce bool, ttl time.Duration) ([]dcsapi.Node, error) {
	if atOnce && k.listed(i) {
		ttl = math.MaxInt64
	}
	nodes, have, err := i.nodes.get(ctx, ttl)
	if have {
		err = nil
	}
	return nodes, err
}

// listed tells whether the nodes of an instance come with those of the others.
func (k *known) listed(i *instance) bool {
	lists, _, have := k.nodeLists.peek()
	_, fetched, _ := i.nodes.peek()
	return have && !k.nodeLists.failing() && !fetched.Before(lists.asked)
}

// node returns what is remembered of a node.
func (i *instance) node(id string) *node {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.known[id]
	if n == nil {
		n = newNode(i.id, id)
		i.known[id] = n
	}
	return n
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

// detailsOf returns the details of nodes by their ids, as far as known.
func (i *instance) detailsOf() map[string]dcsapi.Node {
	all, _, _ := i.nodes.peek()
	byID := make(map[string]dcsapi.Node, len(all))
	for _, n := range all {
		byID[n.ID] = n
	}
	return byID
}

// Holders returns the ids of the nodes that clients are connected to: proxies
// hide the servers behind them, whose sessions are the proxies' own.
func Holders(all []dcsapi.Node, readReplicas bool) []string {
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
