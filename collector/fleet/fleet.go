// Package fleet knows which instances and nodes there are: those that the
// configuration names and those that the API lists.
//
// Lists are fetched in the background and cached; a list that cannot be fetched
// leaves the last good one in force. The package knows nothing of sessions, and
// never reads or scans a node.
//
// Source files: fleet.go has the projects of a configuration, project.go one of
// them, and target.go an instance with its nodes. discovery.go lists the instances,
// nodelists.go the nodes of all of them together, and limits.go, with limitsread.go,
// reads what they allow. cache.go holds a list, tasks.go runs what fetches it.
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
	DiscoveryInterval time.Duration // how old lists of instances and nodes become before they are fetched again

	// Timeout bounds how long fetching the instances, the nodes of one instance, or
	// the limits of one takes. The nodes of all instances together may take 15
	// minutes.
	Timeout time.Duration

	RetryAfter     time.Duration // how long a list is not asked for again after an error of the API, throttling excepted
	Keep           time.Duration // how long instances are remembered that lists lack: not more of them than lists have, or retention.MinAbsent
	LimitsInterval time.Duration // how old limits become before they are read again; 0: they are not read
	Logger         log.Logger
}

// Fleet is all projects of a configuration. It is made by New and is safe for
// concurrent use.
type Fleet struct {
	options    Options
	projects   []*Project
	configured map[string]bool // ids of the instances that the configuration names
	started    time.Time
}

// Errors of Fleet.Target and Fleet.Targets, which return them as they are.
var (
	ErrUnknownTarget = errors.New("the instance is neither configured nor discovered")
	ErrNotDiscovered = errors.New("the instances of a project are not known yet: look at dcs_project_up and the log if this stays so")
)

// New returns a fleet, and starts to list the instances in the background unless
// that was done within Options.DiscoveryInterval. Projects with an API that previous
// has too take over what is cached, and put o in force for it; previous must be
// closed by CloseExcept then, not by Close. It may be nil. The fleet itself must be
// closed in the end.
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

// CloseExcept cancels the background requests of the projects that next, which was
// made from f, has not taken over, and waits for them to finish.
func (f *Fleet) CloseExcept(next *Fleet) {
	for _, p := range f.projects {
		if next.listsOf(p.api) != p.lists {
			p.tasks.close()
		}
	}
}

// Close ends all background requests: it cancels them and waits for their end.
// Lists that are cached already can still be read.
func (f *Fleet) Close() {
	for _, p := range f.projects {
		p.tasks.close()
	}
}

// Projects returns the projects, in the order of the configuration. The caller must
// not modify the slice.
func (f *Fleet) Projects() []*Project { return f.projects }

// Target returns the target with an instance id, in upper or lower case, from the
// cache: it asks the API nothing. Of several projects that have the instance, it is
// that of the first that configures it, else of the first that discovers it.
//
// Errors: ErrUnknownTarget; ErrNotDiscovered instead while a project that discovers
// instances has never listed them.
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

// Targets returns all targets from the cache, project by project as TargetsOf has
// them, and refreshes the cache in the background where that is due. It does not
// wait. While a project that discovers instances has never listed them, it returns
// ErrNotDiscovered; once the fleet is older than Options.DiscoveryInterval, only
// if there are no targets at all.
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
