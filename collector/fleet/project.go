package fleet

import (
	"context"
	"sync"
	"sync/atomic"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/retention"
)

// API is what the package needs of a project's dcsapi.Client, whose methods are its
// contract. Values are compared: the same API is the same project in the next
// configuration.
type API interface {
	Region() string
	KnownProjectID() string
	HoldOffError() error
	ListInstances(context.Context) ([]dcsapi.Instance, error)
	ListNodes(ctx context.Context, instanceID string) ([]dcsapi.Node, error)
	ListProjectNodes(context.Context) (map[string][]dcsapi.Node, error)
	LimitsAPI
}

// ProjectOptions describe a project of the configuration.
type ProjectOptions struct {
	API          API
	Instances    []Instance
	Discover     func(dcsapi.Instance) bool // which further instances are targets; nil for none. It must be safe for concurrent use
	ReadReplicas bool                       // replicas are read too where there are no proxies

	MaxClients        int     // Instance.MaxClients of discovered instances; 0 if not set
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

func newLists(api API) *lists {
	l := &lists{api: api, tasks: newTasks(api.HoldOffError), limits: newLimitsReader(api)}
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

// Remembers reports whether anything is cached of the instance with a canonical id.
func (l *lists) Remembers(id string) bool { return l.instances.Has(id) }
