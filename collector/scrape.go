package collector

import (
	"context"
	"slices"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

const (
	// waitShare is the part of a scrape's time within which new lists are
	// waited for.
	waitShare = 0.4
	// detailsShare is the part of a scrape's time that the first list of
	// instances is waited for: reading configured ones does not need it.
	detailsShare = 0.25
	// discoverShare is the same where the list tells what to read.
	discoverShare = 0.5
)

// Why an instance is not read on purpose.
const (
	skipNotRunning  = "not_running"
	skipUnsupported = "unsupported"
)

// result is what one scrape has found out.
type result struct {
	options  *Options
	projects []projectResult
}

type projectResult struct {
	region, id string
	up         bool
	instances  []*instanceResult
}

type instanceResult struct {
	*Target
	skipped string // why it is not read, "" if it is
	err     error  // why its nodes are not known
	left    bool   // it was not the instance's turn to have its nodes listed
	nodes   []*nodeResult
}

type nodeResult struct {
	reading
	details dcsapi.Node // as far as known
}

// up tells whether every node to be read was read.
func (i *instanceResult) up() bool {
	up := i.err == nil
	for _, n := range i.nodes {
		up = up && n.err == nil
	}
	return up
}

// collect reads everything, or only one target, projects, instances and nodes
// side by side, and returns at the end of the context at the latest, with what
// it has.
func (c *Collector) collect(ctx context.Context, only *Target) *result {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	projects := c.projects
	if only != nil && only.project != nil {
		projects = []*project{only.project}
	}
	out := &result{options: &c.options, projects: make([]projectResult, len(projects))}
	var wait sync.WaitGroup
	for i, p := range projects {
		wait.Go(func() { out.projects[i] = c.collectProject(ctx, p, only) })
	}
	wait.Wait()
	out.dropDoubles()
	return out
}

// dropDoubles leaves instances out that a project before has too: projects may
// have come to know of them one after the other.
func (r *result) dropDoubles() {
	seen := make(map[string]bool)
	for k := range r.projects {
		p := &r.projects[k]
		p.instances = slices.DeleteFunc(p.instances, func(i *instanceResult) bool {
			double := seen[i.ID]
			seen[i.ID] = true
			return double
		})
	}
}

// collectProject reads the targets of a project, or one of them.
func (c *Collector) collectProject(ctx context.Context, p *project, only *Target) projectResult {
	out := projectResult{region: p.API.Region()}
	id, err := p.API.ProjectID(ctx)
	out.id = id
	c.own.addProject(id)
	if err == nil {
		p.awaitInventory(ctx, c.options.DiscoveryInterval)
	}
	switch {
	case only == nil:
		for t := range c.targetsOf(p) {
			out.instances = append(out.instances, &instanceResult{Target: t})
		}
	case only.project != nil:
		t, err := c.Target(only.ID) // anew: details may be known now
		if err != nil {
			t = only
		}
		out.instances = []*instanceResult{{Target: t}}
	}
	if err != nil {
		for _, i := range out.instances {
			i.fail(err)
		}
	} else {
		c.readInstances(ctx, p, out.id, out.instances)
		_, _, have := p.inventory.peek()
		out.up = (have || p.Discover == nil) && p.API.KeyAccepted(ctx)
	}
	c.report(out.id, out.instances)
	return out
}

// awaitInventory sees to it that the project's instances are looked up, and
// waits for that if they are not known yet.
func (p *project) awaitInventory(ctx context.Context, ttl time.Duration) {
	share := detailsShare
	if p.Discover != nil {
		share = discoverShare
	}
	waitCtx, cancel := context.WithDeadline(ctx, shareOf(ctx, share))
	defer cancel()
	_, _, _ = p.inventory.get(waitCtx, ttl)
}

// fail makes an instance one of which nothing can be read.
func (i *instanceResult) fail(err error) {
	if i.Nodes == nil {
		i.err = err
		return
	}
	for _, id := range i.Nodes {
		i.nodes = append(i.nodes, &nodeResult{details: dcsapi.Node{ID: id}, reading: reading{err: err}})
	}
}

// readInstances reads the instances of a project whose id is known.
func (c *Collector) readInstances(ctx context.Context, p *project, projectID string, instances []*instanceResult) {
	reader := nodeReader{api: p.API, share: p.share, options: &c.options, onTorn: func() { c.own.torn(projectID) }}
	var toRead []*instanceResult
	for _, i := range instances {
		switch {
		case i.Details.Status != "" && !i.Details.Running():
			i.skipped = skipNotRunning
			p.inventory.refresh(c.options.Scan.MinInterval) // it may run again by the next scrape
		case i.state.isUnsupported(c.options.DiscoveryInterval):
			i.skipped = skipUnsupported
		default:
			toRead = append(toRead, i)
		}
	}
	atOnce := p.nodesAtOnce()
	if atOnce && len(toRead) > 0 {
		p.awaitNodeLists(ctx, c.options.DiscoveryInterval)
	}
	newSchedule(ctx, p, reader, atOnce).read(toRead)
	for _, i := range toRead {
		c.learn(p, i)
	}
}

// learn draws conclusions from how reading an instance went.
func (c *Collector) learn(p *project, i *instanceResult) {
	for _, n := range i.nodes {
		switch {
		case dcsapi.ReasonOf(n.err) == dcsapi.ReasonUnsupported:
			i.state.setUnsupported()
			i.skipped = skipUnsupported
		case dcsapi.IsInstanceState(n.err), dcsapi.IsUnknownInstance(n.err):
			p.inventory.refresh(c.options.Scan.MinInterval)
		default:
			i.refreshNodesAfter(n.err)
		}
	}
	if dcsapi.IsUnknownInstance(i.err) {
		p.inventory.refresh(c.options.Scan.MinInterval)
	}
}

// shareOf returns the time at which a share of what is left of the context's
// time is over.
func shareOf(ctx context.Context, share float64) time.Time {
	now := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		return now
	}
	return now.Add(time.Duration(share * float64(deadline.Sub(now))))
}

// report counts and logs what went wrong: a line per failed node and scrape,
// and one when it is read again; nodes that had no turn share a line.
func (c *Collector) report(projectID string, instances []*instanceResult) {
	logger := c.options.Logger
	left, unlisted := 0, 0
	for _, i := range instances {
		if i.skipped != "" {
			for _, n := range i.nodes {
				if n.err != nil {
					level.Info(logger).Log("msg", "instance is not read", "instance_id", i.ID, "reason", i.skipped, "err", n.err)
					break
				}
			}
			continue
		}
		if i.err != nil {
			c.own.failed(projectID, dcsapi.ReasonOf(i.err))
		}
		if i.left {
			unlisted++
			if unlisted == 1 {
				level.Warn(logger).Log("msg", "not all instances can be read in one scrape", "project_id", projectID, "reason", dcsapi.ReasonOf(i.err), "first", i.err)
			}
			continue
		}
		if i.err != nil {
			level.Warn(logger).Log("msg", "cannot read instance", "instance_id", i.ID, "reason", dcsapi.ReasonOf(i.err), "err", i.err)
		}
		if i.state.failing.Swap(i.err != nil) && i.err == nil {
			level.Info(logger).Log("msg", "instance can be read again", "instance_id", i.ID)
		}
		for _, n := range i.nodes {
			if n.left {
				c.own.failed(projectID, dcsapi.ReasonOf(n.err))
				left++
				if left == 1 {
					level.Warn(logger).Log("msg", "not all nodes can be read in one scrape", "project_id", projectID, "reason", dcsapi.ReasonOf(n.err), "first", n.err)
				}
				continue
			}
			c.reportNode(projectID, i, n)
		}
	}
}

// reportNode counts and logs what went wrong with a node.
func (c *Collector) reportNode(projectID string, i *instanceResult, n *nodeResult) {
	logger := c.options.Logger
	state := i.state.node(n.details.ID)
	was := state.failing.Swap(n.err != nil)
	switch {
	case n.err != nil:
		c.own.failed(projectID, dcsapi.ReasonOf(n.err))
		level.Warn(logger).Log("msg", "cannot read node", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(n.err), "err", n.err)
	case was:
		level.Info(logger).Log("msg", "node is read again", "instance_id", i.ID, "node_id", n.details.ID, "sessions", n.snapshot.Sessions)
	}
	for _, w := range state.begun(n.warnings) {
		level.Warn(logger).Log("msg", "node is read, with a warning", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(w), "err", w)
	}
}
