package fleet

import (
	"context"
	"iter"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

// inventory is a project's list of instances.
type inventory struct {
	list     []dcsapi.Instance
	position map[string]int // in list, by id
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

// Listed reports whether the instances have ever been listed.
func (l *lists) Listed() bool {
	_, _, have := l.inventory.peek()
	return have
}

// ListedAt returns when the instances were last listed, zero if never.
func (l *lists) ListedAt() time.Time {
	_, at, _ := l.inventory.peek()
	return at
}

// ListError returns why the instances could not be listed last, nil if they could
// or listing them has not ended yet.
func (l *lists) ListError() error {
	l.inventory.mu.Lock()
	defer l.inventory.mu.Unlock()
	return l.inventory.err
}

// AwaitInstances returns when the instances are known, at once if they have ever
// been listed; or when they could not be listed, or the context ends. It refreshes
// the list in the background where that is due.
func (l *lists) AwaitInstances(ctx context.Context) {
	_, _, _ = l.inventory.get(ctx, l.tasks.options.Load().DiscoveryInterval)
}

// RefreshInstances lists the instances again, in the background, if the list is
// older than age, unless the API has failed to list them within
// Options.RetryAfter.
func (l *lists) RefreshInstances(age time.Duration) { l.inventory.refresh(age) }

// AwaitInstances returns when the instances of all projects are known or could not
// be listed, or when the context ends, as Project.AwaitInstances does for one.
func (f *Fleet) AwaitInstances(ctx context.Context) {
	for _, p := range f.projects {
		_, _, _ = p.inventory.get(ctx, f.options.DiscoveryInterval)
	}
}

// TargetsOf ranges over a project's targets, from the cache: the configured ones in
// the order of the configuration, then the discovered ones in the API's order.
// Those that any project configures, or that an earlier project discovers, are left
// out of the latter.
func (f *Fleet) TargetsOf(p *Project) iter.Seq[*Target] {
	return func(yield func(*Target) bool) {
		for _, i := range p.Instances {
			if !yield(p.target(i, p.details(i.ID))) {
				return
			}
		}
		if p.Discover == nil {
			return
		}
		inventory, _, _ := p.inventory.peek()
		for _, details := range inventory.list {
			if p.Discover(details) && !f.belongsElsewhere(p, details.ID) && !yield(p.target(Instance{ID: details.ID, MaxClients: p.MaxClients}, details)) {
				return
			}
		}
	}
}

// belongsElsewhere reports whether an instance that a project discovers is
// configured, or is discovered by an earlier project too.
func (f *Fleet) belongsElsewhere(p *Project, id string) bool {
	if f.configured[id] {
		return true
	}
	for _, earlier := range f.projects {
		if earlier == p {
			return false
		}
		if _, ok := earlier.discovered(id); ok {
			return true
		}
	}
	return false
}
