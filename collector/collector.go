// Package collector turns the client sessions of DCS instances into metrics.
//
// Data flows one way: a scrape (scrape.go) asks each project (project.go) for
// its instances and nodes, has each node scanned and its list read (node.go,
// list.go), adds the sessions up (aggregate.go, fold.go) and ranges over the
// table of metrics (catalogue.go).
package collector

import (
	"context"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
)

// Options say what is collected, and how.
type Options struct {
	Projects          []Project
	Scan              ScanOptions
	Aggregate         AggregateOptions
	MaxSnapshotAge    time.Duration // older lists are not used; 0 for any age
	DiscoveryInterval time.Duration // how long instances and nodes are remembered
	Timeout           time.Duration // of what runs in the background, and of a scrape without a deadline
	Logger            log.Logger
}

// Collector reads all its instances' nodes on every scrape. Its methods may be
// called at the same time. It is made by New.
type Collector struct {
	options  Options
	projects []*project
	tasks    *background
	own      *OwnMetrics
}

// New returns a collector. own are the exporter's metrics about itself, which
// it keeps up to date. Nothing is asked of the API before the first scrape.
func New(o Options, own *OwnMetrics) *Collector {
	c := &Collector{options: o, tasks: newBackground(o.Timeout), own: own}
	for _, p := range o.Projects {
		c.projects = append(c.projects, newProject(p, &c.options, c.tasks))
		own.addProject(p.API.KnownProjectID())
	}
	return c
}

// Close ends what runs in the background. Scrapes under way are not ended.
func (c *Collector) Close() { c.tasks.close() }

// Scrape returns the collector of one scrape, which ends with ctx. All nodes
// are read when it is collected, each time anew.
func (c *Collector) Scrape(ctx context.Context) prometheus.Collector {
	return &scrape{c, ctx}
}

// scrape is a collector with the context of one request: prometheus.Collector
// has no other place for it.
type scrape struct {
	*Collector
	ctx context.Context
}

// Describe implements prometheus.Collector.
func (s *scrape) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range catalogue {
		if m.collect != nil {
			ch <- m.desc
		}
	}
}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(ch chan<- prometheus.Metric) {
	result := s.collect(s.ctx)
	for i := range catalogue {
		if m := &catalogue[i]; m.collect != nil {
			m.collect(result, emitter{m, ch})
		}
	}
}
