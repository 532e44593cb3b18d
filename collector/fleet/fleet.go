// Package fleet knows which instances and nodes there are: those that the
// configuration names and those that the API lists.
//
// Lists are fetched in the background and cached; a list that cannot be fetched
// leaves the last good one in force. The package knows nothing of sessions, and
// never reads or scans a node.
package fleet

import (
	"errors"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// Options configure how lists are cached.
type Options struct {
	DiscoveryInterval time.Duration // how long lists of instances and nodes are cached
	Timeout           time.Duration // of most requests
	RetryAfter        time.Duration // how long a list that could not be fetched is not asked for again
	Keep              time.Duration // how long instances are remembered that lists lack
	LimitsInterval    time.Duration // how long limits are cached; 0: they are not read
	Logger            log.Logger
}

// Fleet is all projects of a configuration. It is made by New and is safe for
// concurrent use.
type Fleet struct {
	options    Options
	projects   []*Project
	configured map[string]bool // ids of the instances that the configuration names
	started    time.Time
}

// Errors of Target and Targets.
var (
	ErrUnknownTarget = errors.New("the instance is neither configured nor discovered")
	ErrNotDiscovered = errors.New("the instances of a project are not known yet: look at dcs_project_up and the log if this stays so")
)

// New returns a fleet, and starts to list the instances. Projects with an API
// that previous has too take over what is cached; previous may be nil.
func New(o Options, projects []ProjectOptions, previous *Fleet) *Fleet {
	f := &Fleet{options: o, configured: make(map[string]bool), started: time.Now()}
	for _, p := range projects {
		p.Instances = slices.Clone(p.Instances)
		for k := range p.Instances {
			p.Instances[k].ID = dcsapi.CanonicalInstanceID(p.Instances[k].ID)
			f.configured[p.Instances[k].ID] = true
		}
		lists := previous.listsOf(p.API)
		if lists == nil {
			lists = newLists(p.API)
		}
		lists.configure(p.Instances, &f.options)
		f.projects = append(f.projects, &Project{p, lists})
		lists.inventory.refresh(o.DiscoveryInterval)
	}
	return f
}

// listsOf returns the cached lists of the project with an API, nil if there is
// no such project.
func (f *Fleet) listsOf(api API) *lists {
	if f == nil {
		return nil
	}
	for _, p := range f.projects {
		if p.api == api {
			return p.lists
		}
	}
	return nil
}

// CloseExcept ends the background requests of the projects that next, which was made
// from f, has not taken over.
func (f *Fleet) CloseExcept(next *Fleet) {
	for _, p := range f.projects {
		if next.listsOf(p.api) != p.lists {
			p.tasks.close()
		}
	}
}

// Close ends all background requests.
func (f *Fleet) Close() {
	for _, p := range f.projects {
		p.tasks.close()
	}
}

// Projects returns the projects, in the order of the configuration.
func (f *Fleet) Projects() []*Project { return f.projects }

// Target returns the target with an instance id, in upper or lower case. It asks
// the API nothing.
//
// Errors: ErrUnknownTarget, ErrNotDiscovered.
func (f *Fleet) Target(id string) (*Target, error) {
	id = dcsapi.CanonicalInstanceID(id)
	for _, p := range f.projects {
		if k := slices.IndexFunc(p.Instances, func(i Instance) bool { return i.ID == id }); k >= 0 {
			return p.target(p.Instances[k], p.details(id)), nil
		}
	}
	complete := true
	for _, p := range f.projects {
		if details, ok := p.discovered(id); ok {
			return p.target(Instance{ID: id, MaxClients: p.MaxClients}, details), nil
		}
		complete = complete && (p.Listed() || p.Discover == nil)
	}
	if !complete {
		return nil, ErrNotDiscovered
	}
	return nil, ErrUnknownTarget
}

// Targets returns all targets from the cache, and refreshes the cache where that
// is due. While the instances of a project have never been listed, it returns
// ErrNotDiscovered; after Options.DiscoveryInterval only if there are no targets
// at all.
func (f *Fleet) Targets() ([]*Target, error) {
	var all []*Target
	complete := true
	for _, p := range f.projects {
		p.inventory.refresh(f.options.DiscoveryInterval)
		complete = complete && (p.Listed() || p.Discover == nil)
		all = slices.AppendSeq(all, f.TargetsOf(p))
	}
	if !complete && (len(all) == 0 || time.Since(f.started) < f.options.DiscoveryInterval) {
		return nil, ErrNotDiscovered
	}
	return all, nil
}
