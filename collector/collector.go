// Package collector turns the client sessions of DCS instances into metrics.
//
// Data flows one way: a scrape (scrape.go) takes the targets that are
// configured or discovered (targets.go), asks for their nodes (project.go),
// plans which ones there is time for (plan.go), has each of them scanned and
// its list read once for all scrapes that wait for it (flight.go, node.go,
// list.go), adds the sessions up (aggregate.go, fold.go, toplists.go, churn.go)
// and ranges over the table of metrics (catalogue.go).
package collector

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Options say what is collected, and how.
type Options struct {
	Projects          []Project
	Scan              ScanOptions
	Aggregate         *AggregateOptions
	MaxSnapshotAge    time.Duration // older lists are not used; 0 for any age
	DiscoveryInterval time.Duration // how long instances and nodes are remembered
	Timeout           time.Duration // of what runs in the background, and of a scrape without a deadline
	Logger            log.Logger
}

// Collector reads instances' nodes on every scrape. Its methods may be called
// at the same time. It is made by New.
type Collector struct {
	options  Options
	projects []*project
	own      *OwnMetrics
	started  time.Time

	configured map[string]bool // the instances that the configuration names
}

// New returns a collector. own are the exporter's metrics about itself, which
// it keeps up to date. It begins at once to look for the instances there are.
//
// If previous is not nil, the new collector takes its place: projects with the
// same API keep all that is remembered of them. The previous one is retired
// then, not closed.
func New(o Options, own *OwnMetrics, previous *Collector) *Collector {
	c := &Collector{options: o, own: own, started: time.Now(), configured: make(map[string]bool)}
	if previous != nil && reflect.DeepEqual(previous.options.Aggregate, o.Aggregate) {
		c.options.Aggregate = previous.options.Aggregate // lists that are added up already are good
	}
	for _, p := range o.Projects {
		p.Instances = slices.Clone(p.Instances)
		for k := range p.Instances {
			p.Instances[k].ID = dcsapi.CanonicalInstanceID(p.Instances[k].ID)
		}
		k := previous.find(p.API)
		if k == nil {
			k = newKnown(p.API, &c.options)
		}
		k.configure(p.Instances, &c.options)
		for _, i := range p.Instances {
			c.configured[i.ID] = true
		}
		c.projects = append(c.projects, &project{p, k, &pageShare{most: p.PagesAtOnce}})
		own.addProject(p.API.KnownProjectID())
		k.inventory.refresh(o.DiscoveryInterval)
	}
	own.current.Store(c)
	return c
}

// find returns what is remembered of the project with an API, nil for nothing.
func (c *Collector) find(api API) *known {
	if c == nil {
		return nil
	}
	for _, p := range c.projects {
		if p.api == api {
			return p.known
		}
	}
	return nil
}

// Retire ends what runs in the background and next, which was made from this
// collector, has not taken over. There are no scrapes any more.
func (c *Collector) Retire(next *Collector) {
	for _, p := range c.projects {
		if next.find(p.api) != p.known {
			p.tasks.close()
		}
	}
}

// Close ends what runs in the background. Scrapes under way are not ended.
func (c *Collector) Close() {
	for _, p := range c.projects {
		p.tasks.close()
	}
}

// Scrape returns the gatherer of one scrape of all targets, which ends with
// ctx. All nodes are read when it gathers, each time anew.
func (c *Collector) Scrape(ctx context.Context) Gatherer {
	return &scrape{c, ctx, nil, func(*Metric) bool { return true }, nil}
}

// Probe returns the gatherer of one scrape of a single target.
func (c *Collector) Probe(ctx context.Context, t *Target) Gatherer {
	return &scrape{c, ctx, t, func(m *Metric) bool { return !m.aboutProject() }, nil}
}

// ScrapeProjects returns the gatherer of what is known about the projects; no
// target is read.
func (c *Collector) ScrapeProjects(ctx context.Context) Gatherer {
	return &scrape{c, ctx, new(Target), (*Metric).aboutProject, nil}
}

// Gatherer gathers the metrics of one scrape.
type Gatherer interface {
	prometheus.Gatherer
	// Read reads the nodes, which takes time and little memory, where Gather
	// makes the metrics of what was read. Gather calls it if nobody has.
	Read()
}

// scrape is a gatherer with the context of one request: prometheus.Gatherer
// has no other place for it.
type scrape struct {
	*Collector
	ctx  context.Context
	only *Target            // nil for all; one without a project for none
	has  func(*Metric) bool // the metrics that it collects
	read *result            // nil before Read
}

// Read implements Gatherer.
func (s *scrape) Read() { s.read = s.collect(s.ctx, s.only) }

// Gather implements prometheus.Gatherer. The catalogue sees to it that what it
// returns is consistent.
func (s *scrape) Gather() ([]*dto.MetricFamily, error) {
	if s.read == nil {
		s.Read()
	}
	var families []*dto.MetricFamily
	var errs []error
	for i := range catalogue {
		m := &catalogue[i]
		if m.collect == nil || !s.has(m) {
			continue
		}
		f := newFamily(m)
		m.collect(s.read, emitter{f})
		done, err := f.finish()
		errs = append(errs, err)
		if done != nil {
			families = append(families, done)
		}
	}
	families, err := join(families)
	return families, errors.Join(append(errs, err)...)
}
