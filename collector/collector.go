// Package collector turns the client sessions of DCS instances into metrics.
//
// A scrape (scrape.go) takes the targets from package fleet, decides which nodes
// there is time for (schedule.go, with the nodes as jobs in job.go and barrier.go)
// within a budget (budget.go), has package reader read them, reports what went wrong
// (report.go) and hands the result to package exposition, with what the instances
// allow (limits.go). status.go remembers how scrapes went, groups.go which client
// groups match nothing, and explain.go records one scrape in detail.
package collector

import (
	"context"
	"reflect"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// API is what the collector needs of a project's dcsapi.Client, whose methods are
// its contract. Values are compared: the same API is the same project in the next
// configuration.
type API interface {
	fleet.API
	reader.API
	ProjectID(context.Context) (string, error)
	KeyAccepted(context.Context) bool
	Capacity(until time.Time) float64
	InFlight() int
	HoldOffRemaining() time.Duration
}

// Options configure what is collected, and how. What they refer to must not be
// modified once a collector has been made.
type Options struct {
	Projects          []Project
	Scan              reader.ScanOptions
	Aggregate         *aggregate.Options // must not be nil
	MaxSnapshotAge    time.Duration      // older lists are not used; 0 for any age
	DiscoveryInterval time.Duration      // how old lists of instances and nodes become before they are fetched again
	LimitsInterval    time.Duration      // how old limits become before they are read again; 0: they are not read
	Timeout           time.Duration      // limits each scrape, even if its context ends later, each reading of a node, and most tasks in the background
	Logger            log.Logger
}

// Project is a project to collect from.
type Project struct {
	API          API
	Instances    []fleet.Instance
	Discover     func(dcsapi.Instance) bool // which further instances to read; nil for none. It must be safe for concurrent use
	ReadReplicas bool                       // where there are no proxies, read the replicas too
	PagesAtOnce  int                        // pages of lists that are requested at a time; at least 1

	MaxClients        int     // connections that each node of discovered instances accepts; 0 if not set
	RequestsPerSecond float64 // the rate limit of API; default 20
}

// Collector reads the nodes on every scrape. It is made by New, and must be closed
// by Close or CloseExcept. It is safe for concurrent use.
type Collector struct {
	options  Options
	fleet    *fleet.Fleet
	projects []*project // in the order of the fleet's
	self     *exposition.SelfMetrics
	groups   *groupUse // shared with the collectors before
}

// project is a project of one configuration.
type project struct {
	*fleet.Project
	api    API
	reader *reader.Reader
	*memory
}

// memory is what is remembered of a project from one configuration to the next.
type memory struct {
	nodes    reader.Nodes
	reporter reporter
	journal  journal
}

// New returns a collector, and starts to list the instances in the background. self
// are the metrics about the exporter itself, which it keeps up to date.
//
// If previous is not nil, the new collector replaces it: projects with the same
// API keep what is remembered of them. Once the scrapes of the previous one have
// ended it must be closed by CloseExcept, not by Close.
func New(o Options, self *exposition.SelfMetrics, previous *Collector) *Collector {
	c := &Collector{options: o, self: self, groups: new(groupUse)}
	var before *fleet.Fleet
	if previous != nil {
		before, c.groups = previous.fleet, previous.groups
		if reflect.DeepEqual(previous.options.Aggregate, o.Aggregate) {
			c.options.Aggregate = previous.options.Aggregate // lists that are added up already stay good
		}
	}
	projects := make([]fleet.ProjectOptions, len(o.Projects))
	for i, p := range o.Projects {
		projects[i] = fleet.ProjectOptions{API: p.API, Instances: p.Instances, Discover: p.Discover, ReadReplicas: p.ReadReplicas, MaxClients: p.MaxClients, RequestsPerSecond: p.RequestsPerSecond}
	}
	c.fleet = fleet.New(fleet.Options{
		DiscoveryInterval: o.DiscoveryInterval, Timeout: o.Timeout, RetryAfter: min(o.Scan.MinInterval, maxRetryAfter), Keep: o.keep(), Logger: o.Logger,
		LimitsInterval: o.LimitsInterval,
	}, projects, before)
	options := &reader.Options{
		Scan: o.Scan, Aggregate: c.options.Aggregate, MaxSnapshotAge: o.MaxSnapshotAge, HiddenCountTTL: o.DiscoveryInterval, Timeout: o.Timeout,
	}
	for i, f := range c.fleet.Projects() {
		api := o.Projects[i].API
		p := &project{Project: f, api: api, memory: previous.memoryOf(api)}
		p.reader = reader.New(api, &p.nodes, options, o.Projects[i].PagesAtOnce, func() { self.ListTorn(api.KnownProjectID()) })
		c.projects = append(c.projects, p)
		self.AddProject(api.KnownProjectID())
	}
	self.SetStates(c.states)
	return c
}

// maxRetryAfter bounds how long a list of instances or nodes that could not be
// fetched is not asked for again; otherwise it is as long as a node is not scanned
// again.
const maxRetryAfter = 30 * time.Second

// keep returns how long instances and nodes are remembered that lists lack: one
// list may be wrong, and counters and places in top lists would be lost.
func (o *Options) keep() time.Duration {
	keep := 3 * o.DiscoveryInterval
	if o.Aggregate != nil {
		keep = max(keep, o.Aggregate.Limits.Hold)
	}
	return keep
}

// memoryOf returns what is remembered of the project with an API, which is nothing
// for a new one.
func (c *Collector) memoryOf(api API) *memory {
	if c != nil {
		for _, p := range c.projects {
			if p.api == api {
				return p.memory
			}
		}
	}
	return new(memory)
}

// states returns how the projects stand at the moment.
func (c *Collector) states() []exposition.ProjectState {
	states := make([]exposition.ProjectState, len(c.projects))
	for i, p := range c.projects {
		states[i] = exposition.ProjectState{ID: p.api.KnownProjectID(), HoldOff: p.api.HoldOffRemaining(), InFlight: p.api.InFlight(), DiscoveredAt: p.ListedAt()}
	}
	return states
}

// Fleet returns the instances and nodes that there are. The collector closes it.
func (c *Collector) Fleet() *fleet.Fleet { return c.fleet }

// Reader returns the reader of a target's nodes. It panics if the target is not of
// c.Fleet; so do Probe and Explain.
func (c *Collector) Reader(t *fleet.Target) *reader.Reader { return c.projectOf(t).reader }

// projectOf returns the project of a target.
func (c *Collector) projectOf(t *fleet.Target) *project {
	for _, p := range c.projects {
		if p.Project == t.Project {
			return p
		}
	}
	panic("collector: the target is of another fleet")
}

// CloseExcept cancels the background work that next, which was made from c, has not
// taken over, and waits for it to finish. It must not be called while scrapes are
// running.
func (c *Collector) CloseExcept(next *Collector) { c.fleet.CloseExcept(next.fleet) }

// Close cancels background work and waits for it to finish. It does not end scrapes
// in progress.
func (c *Collector) Close() { c.fleet.Close() }
