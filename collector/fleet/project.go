package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/retention"

	"github.com/go-kit/log/level"
)

// API is what the package needs of a project's dcsapi.Client.
type API interface {
	Region() string
	KnownProjectID() string
	HeldOff() error
	ListInstances(context.Context) ([]dcsapi.Instance, error)
	ListNodes(ctx context.Context, instanceID string) ([]dcsapi.Node, error)
	ListProjectNodes(context.Context) (map[string][]dcsapi.Node, error)
	LimitsAPI
}

// ProjectOptions describe a project of the configuration.
type ProjectOptions struct {
	API          API
	Instances    []Instance
	Discover     func(dcsapi.Instance) bool // which further instances are targets; nil for none
	ReadReplicas bool                       // replicas are targets too where there are no proxies

	MaxClients        int     // of discovered instances; 0 if not set
	RequestsPerSecond float64 // the rate limit, of which reading limits takes a twentieth; default 20
}

// Instance is an instance of the configuration.
type Instance struct {
	ID         string   // in upper or lower case; of targets in its canonical form
	Nodes      []string // exactly these; nil to ask the API
	MaxClients int      // connections that each node accepts; 0 if not set
}

// Project is a project of one configuration, with its cached lists, which it
// shares with the project's earlier configurations.
type Project struct {
	ProjectOptions
	*lists
}

// lists are the cached lists of a project.
type lists struct {
	api       API
	tasks     *tasks
	inventory *cache[inventory]
	nodeLists *cache[nodeLists]
	limits    *limitsReader
	instances retention.Map[*instance]
	failing   atomic.Bool // the instances could not be listed last: for the log

	mu         sync.Mutex
	configured map[string]bool // instances that the configuration names
}

// inventory is a project's list of instances.
type inventory struct {
	list     []dcsapi.Instance
	position map[string]int // in list, by id
}

// nodeLists records a request for the nodes of all instances together; the nodes
// themselves are cached by instance.
type nodeLists struct{ requested time.Time }

// nodeListsLimit is how long listing the nodes of all instances may take. It has
// many pages in a large project, which share the rate limit with the scrapes.
const nodeListsLimit = 15 * time.Minute

func newLists(api API) *lists {
	l := &lists{api: api, tasks: newTasks(api.HeldOff), limits: newLimitsReader(api)}
	l.inventory = &cache[inventory]{tasks: l.tasks, fetch: l.fetchInventory}
	l.nodeLists = &cache[nodeLists]{tasks: l.tasks, fetch: l.fetchNodeLists, limit: nodeListsLimit}
	return l
}

// configure puts a configuration in force.
func (l *lists) configure(instances []Instance, o *Options) {
	l.tasks.options.Store(o)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.configured = make(map[string]bool)
	for _, i := range instances {
		l.configured[i.ID] = true
	}
}

// fetchInventory lists the instances, and forgets those that are gone.
func (l *lists) fetchInventory(ctx context.Context) (inventory, error) {
	list, err := l.api.ListInstances(ctx)
	o := l.tasks.options.Load()
	if was := l.failing.Swap(err != nil); was != (err != nil) {
		if err != nil {
			level.Warn(o.Logger).Log("msg", "cannot list the instances: those that are known already are still read", "region", l.api.Region(), "reason", dcsapi.ReasonOf(err), "err", err)
		} else {
			level.Info(o.Logger).Log("msg", "instances can be listed again", "region", l.api.Region(), "instances", len(list))
		}
	}
	if err != nil {
		return inventory{}, err
	}
	out := inventory{list: list, position: make(map[string]int, len(list))}
	for i := range list {
		out.position[list[i].ID] = i
	}
	l.mu.Lock()
	configured := l.configured
	l.mu.Unlock()
	l.instances.Retain(func(id string) bool {
		_, there := out.position[id]
		return there || configured[id]
	}, len(out.position)+len(configured), o.Keep)
	return out, nil
}

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

// details returns what the list of instances has of one, the zero value if it is
// not on it.
func (l *lists) details(id string) dcsapi.Instance {
	inventory, _, _ := l.inventory.peek()
	if k, ok := inventory.position[id]; ok {
		return inventory.list[k]
	}
	return dcsapi.Instance{}
}

// discovered returns the details of an instance that the project discovers.
func (p *Project) discovered(id string) (dcsapi.Instance, bool) {
	if p.Discover == nil {
		return dcsapi.Instance{}, false
	}
	details := p.details(id)
	return details, details.ID != "" && p.Discover(details)
}

// Listed reports whether the instances have been listed.
func (l *lists) Listed() bool {
	_, _, have := l.inventory.peek()
	return have
}

// ListedAt returns when the instances were last listed, zero if never.
func (l *lists) ListedAt() time.Time {
	_, at, _ := l.inventory.peek()
	return at
}

// ListError returns why the instances could not be listed last, nil if they
// could.
func (l *lists) ListError() error {
	l.inventory.mu.Lock()
	defer l.inventory.mu.Unlock()
	return l.inventory.err
}

// Remembers reports whether anything is cached of an instance.
func (l *lists) Remembers(id string) bool { return l.instances.Has(id) }

// AwaitInstances returns when the instances are known, or could not be listed, or
// when the context ends. It refreshes the list where that is due.
func (l *lists) AwaitInstances(ctx context.Context) {
	_, _, _ = l.inventory.get(ctx, l.tasks.options.Load().DiscoveryInterval)
}

// RefreshInstances lists the instances again, in the background, if the list is
// older than age.
func (l *lists) RefreshInstances(age time.Duration) { l.inventory.refresh(age) }

// ListsNodesTogether reports whether the nodes of the project's targets take
// fewer requests if those of all instances are listed together.
func (p *Project) ListsNodesTogether() bool {
	inventory, _, have := p.inventory.peek()
	targets := len(p.Instances)
	if p.Discover != nil {
		targets = max(targets, len(inventory.list))
	}
	return have && targets > (len(inventory.list)+dcsapi.MaxNodesLimit-1)/dcsapi.MaxNodesLimit
}

// AwaitNodes lists the nodes of all instances together where that is due. It
// waits until the given time, less what has been waited before, if they have
// never been listed.
func (l *lists) AwaitNodes(ctx context.Context, until time.Time) {
	ctx, cancel := context.WithDeadline(ctx, until.Add(-l.nodeLists.fetchingFor()))
	defer cancel()
	_, _, _ = l.nodeLists.get(ctx, l.tasks.options.Load().DiscoveryInterval)
}
