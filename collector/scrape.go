package collector

import (
	"context"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

const (
	// scanShare is the part of what is left of a scrape's time within which a
	// node is scanned and its new list waited for.
	scanShare = 0.4
	// detailsShare is the part of a scrape's time that the first list of
	// instances is waited for: reading does not need it.
	detailsShare = 0.25
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
	instances  []instanceResult
}

type instanceResult struct {
	*instance
	details dcsapi.Instance // as far as known
	skipped string          // why it is not read, "" if it is
	err     error           // why its nodes are not known
	nodes   []nodeResult
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

// collect reads everything, projects, instances and nodes side by side, and
// returns at the end of the context at the latest, with what it has.
func (c *Collector) collect(ctx context.Context) *result {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	out := &result{options: &c.options, projects: make([]projectResult, len(c.projects))}
	var wait sync.WaitGroup
	for i, p := range c.projects {
		wait.Go(func() { out.projects[i] = c.collectProject(ctx, p) })
	}
	wait.Wait()
	return out
}

// collectProject reads the instances of a project.
func (c *Collector) collectProject(ctx context.Context, p *project) projectResult {
	out := projectResult{region: p.API.Region(), instances: make([]instanceResult, len(p.instances))}
	for i, in := range p.instances {
		out.instances[i].instance = in
		out.instances[i].details.ID = in.ID
	}
	var err error
	if out.id, err = p.API.ProjectID(ctx); err != nil {
		c.own.addProject("")
		for i := range out.instances {
			out.instances[i].fail(err)
		}
	} else {
		c.own.addProject(out.id)
		c.readInstances(ctx, p, out.id, out.instances)
		out.up = p.API.KeyAccepted(ctx)
	}
	for i := range out.instances {
		c.report(out.id, &out.instances[i])
	}
	return out
}

// fail makes an instance one of which nothing can be read.
func (i *instanceResult) fail(err error) {
	if i.Nodes == nil {
		i.err = err
		return
	}
	for _, id := range i.Nodes {
		i.nodes = append(i.nodes, nodeResult{details: dcsapi.Node{ID: id}, reading: reading{err: err}})
	}
}

// readInstances reads the instances of a project whose id is known.
func (c *Collector) readInstances(ctx context.Context, p *project, projectID string, out []instanceResult) {
	reader := &nodeReader{
		api: p.API, pages: p.PagesAtOnce, options: &c.options,
		scans: newGate(), onTorn: func() { c.own.torn(projectID) },
	}
	detailsCtx, cancel := context.WithDeadline(ctx, shareOf(ctx, detailsShare))
	details, _, _ := p.details.get(detailsCtx)
	cancel()

	var wait sync.WaitGroup
	for k := range out {
		i := &out[k]
		if d, ok := details[i.ID]; ok {
			i.details = d
		}
		switch {
		case i.details.Status != "" && !i.details.Running():
			i.skipped = skipNotRunning
			p.details.refresh(c.options.Scan.MinInterval) // it may run again by the next scrape
			continue
		case i.isUnsupported(c.options.DiscoveryInterval):
			i.skipped = skipUnsupported
			continue
		}
		reader.scans.announce(1)
		wait.Go(func() { c.readInstance(ctx, p, reader, i) })
	}
	reader.scans.pass()
	wait.Wait()
}

// readInstance reads the nodes of an instance, side by side.
func (c *Collector) readInstance(ctx context.Context, p *project, reader *nodeReader, i *instanceResult) {
	ids, err := i.toRead(ctx, p.ReadReplicas)
	if err != nil {
		i.err = err
		reader.scans.pass()
		return
	}
	reader.scans.announce(len(ids))
	reader.scans.pass()
	i.readNodes(ctx, reader, ids)
	for _, n := range i.nodes {
		switch {
		case dcsapi.ReasonOf(n.err) == dcsapi.ReasonUnsupported:
			i.setUnsupported()
			i.skipped = skipUnsupported
		case dcsapi.IsUnknownNode(n.err):
			i.instance.nodes.refresh(0)
		case dcsapi.IsInstanceState(n.err):
			p.details.refresh(c.options.Scan.MinInterval)
		}
	}
}

// readNodes reads the nodes with the given ids.
func (i *instanceResult) readNodes(ctx context.Context, reader *nodeReader, ids []string) {
	i.nodes = make([]nodeResult, len(ids))
	var wait sync.WaitGroup
	for k, id := range ids {
		i.nodes[k].details.ID = id
		wait.Go(func() { i.nodes[k].reading = reader.read(ctx, i.node(id)) })
	}
	wait.Wait()
	known := i.knownNodes()
	for k := range i.nodes {
		if d, ok := known[ids[k]]; ok {
			i.nodes[k].details = d
		}
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

// report counts and logs what went wrong with an instance: a line per failed
// node and scrape, and one when it is read again.
func (c *Collector) report(projectID string, i *instanceResult) {
	logger := c.options.Logger
	if i.skipped != "" {
		for _, n := range i.nodes {
			if n.err != nil {
				level.Info(logger).Log("msg", "instance is not read", "instance_id", i.ID, "reason", i.skipped, "err", n.err)
				break
			}
		}
		return
	}
	if i.err != nil {
		c.own.failed(projectID, dcsapi.ReasonOf(i.err))
		level.Warn(logger).Log("msg", "cannot read instance", "instance_id", i.ID, "reason", dcsapi.ReasonOf(i.err), "err", i.err)
	}
	if i.failing.Swap(i.err != nil) && i.err == nil {
		level.Info(logger).Log("msg", "instance can be read again", "instance_id", i.ID)
	}
	for _, n := range i.nodes {
		state := i.node(n.details.ID)
		was := state.failing.Swap(n.err != nil)
		switch {
		case n.err != nil:
			c.own.failed(projectID, dcsapi.ReasonOf(n.err))
			level.Warn(logger).Log("msg", "cannot read node", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(n.err), "err", n.err)
		case was:
			level.Info(logger).Log("msg", "node is read again", "instance_id", i.ID, "node_id", n.details.ID, "sessions", n.snapshot.Sessions)
		}
		if had := state.surviving.Swap(n.survived != nil); n.survived != nil && !had {
			level.Warn(logger).Log("msg", "node is read, but its list may be old", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(n.survived), "err", n.survived)
		}
	}
}
