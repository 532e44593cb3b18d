package collector

import (
	"context"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
)

// Explanation is what one scrape of an instance did.
type Explanation struct {
	*fleet.Target
	Start, End time.Time
	Deadline   time.Time // when it had to end: that of the context, or after Options.Timeout
	Phases     []Phase   // when the phases of a scrape had to end at the latest
	Skipped    string    // why the instance was not read on purpose: not_running or unsupported; "" if it was to be read
	Err        error     // why its nodes are not known
	Nodes      []ExplainedNode
	Exchanges  []dcsapi.Exchange // without those of readings that other scrapes began, and of tasks in the background
	Steps      []dcsapi.Step
	Lost       int // requests and steps that were too many to record
}

// Phase is a phase of a scrape and when it must end.
type Phase struct {
	Name string
	End  time.Time
}

// ExplainedNode is what a scrape has of a node.
type ExplainedNode struct {
	ID, Name string
	Deferred bool // there was no time to read it
	Took     time.Duration
	Taken    time.Time // of the list; zero if unknown or not read
	Sessions int64
	Reported int64 // by the API's count; -1 if it did not say
	Folded   map[aggregate.Dimension]int
	Err      error
	Warnings []error
}

// Explain scrapes a single target as Probe does, in the time of Gatherer.Read, and
// returns what was done. The result counts in the exporter's own metrics, the log and
// Status like that of every scrape, but not for UnusedGroups.
func (c *Collector) Explain(ctx context.Context, t *fleet.Target) *Explanation {
	trace := new(dcsapi.Trace)
	s := c.probe(dcsapi.WithTrace(ctx, trace), t)
	e := &Explanation{Target: t, Start: time.Now()}
	results := s.read()
	e.End = time.Now()
	e.Deadline = s.budget.end
	e.Phases = s.budget.phases()
	for _, r := range results {
		for _, i := range r.instances {
			e.Target, e.Skipped, e.Err = i.Target, i.skipped, i.err
			for _, n := range i.nodes {
				e.Nodes = append(e.Nodes, n.explained())
			}
		}
	}
	e.Exchanges, e.Steps, e.Lost = trace.Recorded()
	return e
}

// explained returns what a scrape has of a node.
func (n *nodeResult) explained() ExplainedNode {
	out := ExplainedNode{ID: n.details.ID, Name: n.details.Name, Deferred: n.deferred, Took: n.Took, Err: n.Err, Warnings: n.Warnings, Reported: -1}
	if n.Snapshot != nil {
		out.Taken, out.Sessions, out.Reported, out.Folded = n.Snapshot.Taken, n.Snapshot.Sessions, n.Snapshot.Reported, n.Snapshot.Folded
	}
	return out
}

// phases returns when each phase must end.
func (b *budget) phases() []Phase {
	return []Phase{
		{"wait for the list of instances if all are configured", b.details},
		{"wait for the list of instances if they are discovered", b.instances},
		{"wait for lists of nodes", b.nodes},
		{"scan new nodes before others", b.newScans},
		{"scan, and wait for new lists", b.scans},
		{"read lists", b.end},
	}
}
