package collector

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Why an instance is not read on purpose.
const (
	skipNotRunning  = "not_running"
	skipUnsupported = "unsupported"
)

// Gatherer gathers the metrics of one scrape. It is not safe for concurrent use.
type Gatherer interface {
	// Gather returns all metrics of what was read; it calls Read if nobody has. A
	// failure to read is not an error but a part of the metrics.
	prometheus.Gatherer
	// Read reads the nodes, which takes time and little memory. It returns when the
	// scrape's context is cancelled, and at most 50ms after its deadline or the end of
	// Options.Timeout. It must be called at most once.
	Read()
	// Families makes the metrics of what was read, one family after the other, which
	// takes less memory than Gather; it calls Read if nobody has.
	Families() exposition.Families
}

// scrape is a Gatherer. It holds the context of one request, because
// prometheus.Gatherer has no other place for it.
type scrape struct {
	*Collector
	ctx      context.Context
	projects []*project
	targets  func(*project) iter.Seq[*fleet.Target]
	scopes   []exposition.Scope
	result   *exposition.Result // nil before Read
	budget   *budget            // nil before Read
}

// Scrape returns the gatherer of one scrape of all targets. Nothing is read until one
// of its methods is called; then the scrape ends with ctx, or after Options.Timeout
// if that is sooner.
func (c *Collector) Scrape(ctx context.Context) Gatherer {
	return &scrape{
		Collector: c, ctx: ctx, projects: c.projects,
		targets: func(p *project) iter.Seq[*fleet.Target] { return c.fleet.TargetsOf(p.Project) },
		scopes:  []exposition.Scope{exposition.OfProject, exposition.OfInstance, exposition.OfNode},
	}
}

// Probe is Scrape for a single target, without the metrics of its project.
func (c *Collector) Probe(ctx context.Context, t *fleet.Target) Gatherer { return c.probe(ctx, t) }

func (c *Collector) probe(ctx context.Context, t *fleet.Target) *scrape {
	return &scrape{
		Collector: c, ctx: ctx, projects: []*project{c.projectOf(t)},
		targets: func(*project) iter.Seq[*fleet.Target] {
			if now, err := c.fleet.Target(t.ID); err == nil {
				t = now // its details may be known now
			}
			return slices.Values([]*fleet.Target{t})
		},
		scopes: []exposition.Scope{exposition.OfInstance, exposition.OfNode},
	}
}

// ScrapeProjects is Scrape without any target: its metrics are those of the projects
// alone. It waits for their ids and instances as Scrape does, and reads no node.
func (c *Collector) ScrapeProjects(ctx context.Context) Gatherer {
	return &scrape{
		Collector: c, ctx: ctx, projects: c.projects,
		targets: func(*project) iter.Seq[*fleet.Target] { return func(func(*fleet.Target) bool) {} },
		scopes:  []exposition.Scope{exposition.OfProject},
	}
}

// Gather implements prometheus.Gatherer.
func (s *scrape) Gather() ([]*dto.MetricFamily, error) { return exposition.Collect(s.Families()) }

// Families implements Gatherer.
func (s *scrape) Families() exposition.Families {
	if s.result == nil {
		s.Read()
	}
	return exposition.Render(s.result, s.scopes...)
}

// Read implements Gatherer. It reads the projects side by side, and has what was
// read when the time is over.
func (s *scrape) Read() {
	s.result = s.options.exposed(s.read())
	s.reportGroups(s.result)
}

// read reads the projects.
func (s *scrape) read() []projectResult {
	start := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	end, _ := ctx.Deadline()
	b := newBudget(start, end, s.options.Scan.Wait)
	s.budget = b
	results := make([]projectResult, len(s.projects))
	var wait sync.WaitGroup
	for i, p := range s.projects {
		wait.Go(func() { results[i] = s.readProject(ctx, p, b) })
	}
	wait.Wait()
	return results
}

// readProject reads the targets of a project.
func (s *scrape) readProject(ctx context.Context, p *project, b *budget) projectResult {
	out := projectResult{region: p.api.Region()}
	var err error
	out.id, err = p.api.ProjectID(ctx)
	s.self.AddProject(out.id)
	if err == nil {
		until := b.details
		if p.Discover != nil {
			until = b.instances
		}
		waitCtx, cancel := context.WithDeadline(ctx, until)
		p.AwaitInstances(waitCtx)
		cancel()
		dcsapi.TraceOf(ctx).Step("", "the project's id and instances are known, or waited for no longer")
	}
	for t := range s.targets(p) {
		out.instances = append(out.instances, &instanceResult{Target: t})
	}
	if err != nil {
		for _, i := range out.instances {
			i.fail(err)
		}
	} else {
		s.readInstances(ctx, p, b, out.instances)
		out.up = (p.Listed() || p.Discover == nil) && p.api.KeyAccepted(ctx)
	}
	p.nodes.RetainInstances(p.Remembers)
	p.reporter.retain(p.Remembers)
	p.journal.note(out.instances, time.Now())
	p.journal.retain(p.Remembers)
	s.report(p, out.id, out.instances)
	return out
}

// readInstances reads the instances of a project whose id is known.
func (s *scrape) readInstances(ctx context.Context, p *project, b *budget, instances []*instanceResult) {
	var toRead []*instanceResult
	for _, i := range instances {
		switch {
		case i.Details.Status != "" && !i.Details.Running():
			i.skipped = skipNotRunning
			p.RefreshInstances(s.options.Scan.MinInterval) // it may run by the next scrape
		case i.Unsupported():
			i.skipped = skipUnsupported
		default:
			toRead = append(toRead, i)
		}
	}
	together := p.ListsNodesTogether()
	if together && len(toRead) > 0 {
		p.AwaitNodes(ctx, b.nodes)
		dcsapi.TraceOf(ctx).Step("", "the nodes of all instances are known, or waited for no longer")
	}
	newSchedule(ctx, p, b, &s.options, together).read(toRead)
	var targets []*fleet.Target
	for _, i := range toRead {
		if s.learn(p, i); i.skipped == "" {
			targets = append(targets, i.Target)
		}
	}
	p.RefreshLimits(targets)
}

// learn draws conclusions from how reading an instance went.
func (s *scrape) learn(p *project, i *instanceResult) {
	for _, n := range i.nodes {
		switch {
		case dcsapi.ReasonOf(n.Err) == dcsapi.ReasonUnsupported:
			i.SetUnsupported()
			i.skipped = skipUnsupported
		case dcsapi.IsInstanceState(n.Err), dcsapi.IsUnknownInstance(n.Err):
			p.RefreshInstances(s.options.Scan.MinInterval)
		default:
			i.RefreshNodesAfter(n.Err)
		}
	}
	if dcsapi.IsUnknownInstance(i.err) {
		p.RefreshInstances(s.options.Scan.MinInterval)
	}
}

// projectResult is what a scrape has of a project.
type projectResult struct {
	region, id string
	up         bool
	instances  []*instanceResult
}

// instanceResult is what a scrape has of an instance.
type instanceResult struct {
	*fleet.Target
	skipped  string // why it is not read on purpose, "" if it is read
	err      error  // why its nodes are not known
	deferred bool   // there was no time to list its nodes in this scrape
	nodes    []*nodeResult
	limits   fleet.Limits // as far as they are known; unset where nodes are not read
}

// nodeResult is what a scrape has of a node.
type nodeResult struct {
	reader.Reading
	details  dcsapi.Node // as far as known
	deferred bool        // there was no time to read it in this scrape
}

// fail makes an instance one that cannot be read at all.
func (i *instanceResult) fail(err error) {
	if i.Nodes == nil {
		i.err = err
		return
	}
	for _, id := range i.Nodes {
		i.nodes = append(i.nodes, &nodeResult{details: dcsapi.Node{ID: id}, Reading: reader.Reading{Err: err}})
	}
}

// exposed returns the results as package exposition renders them. An instance of
// several projects, which may have discovered it one after the other, belongs to
// the first.
func (o *Options) exposed(projects []projectResult) *exposition.Result {
	out := &exposition.Result{AgeBuckets: o.Aggregate.AgeBuckets, IdleBuckets: o.Aggregate.IdleBuckets}
	seen := make(map[string]bool)
	for _, p := range projects {
		project := exposition.Project{Region: p.region, ID: p.id, Up: p.up}
		for _, i := range p.instances {
			if !seen[i.ID] {
				project.Instances = append(project.Instances, i.exposed())
			}
			seen[i.ID] = true
		}
		out.Projects = append(out.Projects, project)
	}
	return out
}

// exposed returns the result as package exposition renders it.
func (i *instanceResult) exposed() exposition.Instance {
	out := exposition.Instance{
		ID: i.ID, Details: i.Details, Skipped: i.skipped, Error: dcsapi.ReasonOf(i.err), Nodes: make([]exposition.Node, len(i.nodes)),
	}
	for k, n := range i.nodes {
		node := exposition.Node{Details: n.details, Snapshot: n.Snapshot, Churn: n.Churn, Error: dcsapi.ReasonOf(n.Err), Took: n.Took}
		for _, w := range n.Warnings {
			node.Warnings = append(node.Warnings, dcsapi.ReasonOf(w))
		}
		out.Nodes[k] = node
	}
	i.expose(&out)
	return out
}
