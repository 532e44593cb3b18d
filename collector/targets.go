package collector

import (
	"context"
	"errors"
	"iter"
	"time"

	"dcs_session_exporter/dcsapi"
)

// Target is an instance to read, configured or discovered.
type Target struct {
	Instance                  // only the id if it was discovered
	Details   dcsapi.Instance // as far as known
	Region    string
	ProjectID string // "" while it is not known
	project   *project
	state     *instance
}

// Why there is no target of an id.
var (
	ErrUnknownTarget = errors.New("the instance is neither configured nor discovered")
	ErrNotDiscovered = errors.New("the instances of a project are not known yet: look at dcs_project_up and the log if this stays so")
)

// target returns a target of the project.
func (p *project) target(i Instance, details dcsapi.Instance) *Target {
	return &Target{Instance: i, Details: details, Region: p.API.Region(), ProjectID: p.API.KnownProjectID(), project: p, state: p.instance(i.ID)}
}

// Target returns the target with an instance's id, in any case, or ErrUnknownTarget, or
// ErrNotDiscovered. It asks the API nothing.
func (c *Collector) Target(id string) (*Target, error) {
	complete := true
	id = dcsapi.CanonicalInstanceID(id)
	for _, p := range c.projects {
		for _, i := range p.Instances {
			if i.ID == id {
				details, _, _ := p.inventory.peek()
				found, _ := details.get(id)
				return p.target(i, found), nil
			}
		}
	}
	for _, p := range c.projects {
		if p.Discover == nil {
			continue
		}
		inventory, _, have := p.inventory.peek()
		complete = complete && have
		if details, ok := inventory.get(id); ok && p.Discover(details) {
			return p.target(Instance{ID: id}, details), nil
		}
	}
	if !complete {
		return nil, ErrNotDiscovered
	}
	return nil, ErrUnknownTarget
}

// Targets returns all targets, from memory, and sees to it that they will be
// looked up again when that is due. While the instances of a project were never
// looked up successfully, it returns ErrNotDiscovered; once that has lasted for
// Options.DiscoveryInterval, only if there are no targets at all.
func (c *Collector) Targets() ([]*Target, error) {
	var all []*Target
	complete := true
	for _, p := range c.projects {
		p.inventory.refresh(c.options.DiscoveryInterval)
		_, _, have := p.inventory.peek()
		complete = complete && (have || p.Discover == nil)
		for t := range c.targetsOf(p) {
			all = append(all, t)
		}
	}
	if !complete && (len(all) == 0 || time.Since(c.started) < c.options.DiscoveryInterval) {
		return nil, ErrNotDiscovered
	}
	return all, nil
}

// targetsOf ranges over a project's targets: the configured ones, then those
// that are discovered, but for the ones that another project has.
func (c *Collector) targetsOf(p *project) iter.Seq[*Target] {
	return func(yield func(*Target) bool) {
		inventory, _, _ := p.inventory.peek()
		for _, i := range p.Instances {
			details, _ := inventory.get(i.ID)
			if !yield(p.target(i, details)) {
				return
			}
		}
		if p.Discover == nil {
			return
		}
		for _, details := range inventory.list {
			if p.Discover(details) && !c.isOthers(p, details.ID) && !yield(p.target(Instance{ID: details.ID}, details)) {
				return
			}
		}
	}
}

// isOthers tells whether an instance that a project discovers is one that is
// configured, here or elsewhere, or that a project before it discovers too.
func (c *Collector) isOthers(p *project, id string) bool {
	if c.configured[id] {
		return true
	}
	for _, q := range c.projects {
		if q == p {
			return false
		}
		if q.Discover == nil {
			continue
		}
		inventory, _, _ := q.inventory.peek()
		if details, ok := inventory.get(id); ok && q.Discover(details) {
			return true
		}
	}
	return false
}

// toRead returns the nodes of a target that hold its clients' sessions: the
// configured ones; else the proxies, where there are any; else the servers.
func (t *Target) toRead(ctx context.Context, atOnce bool, ttl time.Duration) ([]string, error) {
	if t.Nodes != nil {
		t.state.nodes.refresh(ttl) // for the info metrics
		return t.Nodes, nil
	}
	all, err := t.project.nodesOf(ctx, t.state, atOnce, ttl)
	if err != nil {
		return nil, err
	}
	nodes := Holders(all, t.project.ReadReplicas)
	if len(nodes) == 0 {
		t.state.nodes.refresh(t.project.tasks.retryAfter()) // one empty list may be wrong
		return nil, &dcsapi.Error{Op: "list nodes of instance " + t.ID, Reason: dcsapi.ReasonNotFound, Message: "the instance has no node that holds sessions"}
	}
	t.state.forget(nodes, t.project.tasks.options.Load().keep())
	return nodes, nil
}
