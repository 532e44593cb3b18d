package collector

import (
	"slices"
	"strings"
	"sync"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

// reporter remembers what has been logged of a project's instances and nodes, so
// that recoveries and new warnings are logged once. The zero value has logged
// nothing. It is safe for concurrent use.
type reporter struct {
	mu      sync.Mutex
	failing map[string]bool            // instances and nodes that were not read in the last scrape
	warned  map[string][]dcsapi.Reason // of the nodes' warnings in the last scrape
}

// key identifies a node; nodeID is "" for the instance itself.
func key(instanceID, nodeID string) string { return instanceID + "/" + nodeID }

// setFailing records whether an instance or a node fails, and reports whether it
// did before.
func (r *reporter) setFailing(key string, failing bool) (before bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.failing[key]
	switch {
	case !failing:
		delete(r.failing, key)
	case r.failing == nil:
		r.failing = map[string]bool{key: true}
	default:
		r.failing[key] = true
	}
	return before
}

// newWarnings records a node's warnings, and returns those whose reasons it did not
// have in the scrape before.
func (r *reporter) newWarnings(key string, warnings []error) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.warned[key]
	if len(warnings) == 0 {
		delete(r.warned, key)
		return nil
	}
	if r.warned == nil {
		r.warned = make(map[string][]dcsapi.Reason)
	}
	reasons := make([]dcsapi.Reason, len(warnings))
	for i, w := range warnings {
		reasons[i] = dcsapi.ReasonOf(w)
	}
	r.warned[key] = reasons
	return slices.DeleteFunc(slices.Clone(warnings), func(w error) bool { return slices.Contains(before, dcsapi.ReasonOf(w)) })
}

// retain forgets what is not about remembered instances.
func (r *reporter) retain(remembered func(instanceID string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := func(key string) bool {
		instanceID, _, _ := strings.Cut(key, "/")
		return !remembered(instanceID)
	}
	for key := range r.failing {
		if gone(key) {
			delete(r.failing, key)
		}
	}
	for key := range r.warned {
		if gone(key) {
			delete(r.warned, key)
		}
	}
}

// report counts and logs what went wrong in a project: a line per failed instance
// or node, and one when it is read again. Those that there was no time for share a
// line.
func (c *Collector) report(p *project, projectID string, instances []*instanceResult) {
	logger := c.options.Logger
	deferredNodes, deferredInstances := 0, 0
	for _, i := range instances {
		if i.skipped != "" {
			if k := slices.IndexFunc(i.nodes, func(n *nodeResult) bool { return n.Err != nil }); k >= 0 {
				level.Info(logger).Log("msg", "instance is not read", "instance_id", i.ID, "reason", i.skipped, "err", i.nodes[k].Err)
			}
			continue
		}
		if i.err != nil {
			c.self.ScrapeFailed(projectID, dcsapi.ReasonOf(i.err))
		}
		if i.deferred {
			if deferredInstances++; deferredInstances == 1 {
				level.Warn(logger).Log("msg", "not all instances can be read in one scrape", "project_id", projectID, "reason", dcsapi.ReasonOf(i.err), "first", i.err)
			}
			continue
		}
		if i.err != nil {
			level.Warn(logger).Log("msg", "cannot read instance", "instance_id", i.ID, "reason", dcsapi.ReasonOf(i.err), "err", i.err)
		}
		if p.reporter.setFailing(key(i.ID, ""), i.err != nil) && i.err == nil {
			level.Info(logger).Log("msg", "instance can be read again", "instance_id", i.ID)
		}
		for _, n := range i.nodes {
			if !n.deferred {
				c.reportNode(p, projectID, i, n)
				continue
			}
			c.self.ScrapeFailed(projectID, dcsapi.ReasonOf(n.Err))
			if deferredNodes++; deferredNodes == 1 {
				level.Warn(logger).Log("msg", "not all nodes can be read in one scrape", "project_id", projectID, "reason", dcsapi.ReasonOf(n.Err), "first", n.Err)
			}
		}
	}
}

// reportNode counts and logs what went wrong with a node.
func (c *Collector) reportNode(p *project, projectID string, i *instanceResult, n *nodeResult) {
	logger, key := c.options.Logger, key(i.ID, n.details.ID)
	was := p.reporter.setFailing(key, n.Err != nil)
	switch {
	case n.Err != nil:
		c.self.ScrapeFailed(projectID, dcsapi.ReasonOf(n.Err))
		level.Warn(logger).Log("msg", "cannot read node", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(n.Err), "err", n.Err)
	case was:
		level.Info(logger).Log("msg", "node is read again", "instance_id", i.ID, "node_id", n.details.ID, "sessions", n.Snapshot.Sessions)
	}
	for _, w := range p.reporter.newWarnings(key, n.Warnings) {
		level.Warn(logger).Log("msg", "node is read, with a warning", "instance_id", i.ID, "node_id", n.details.ID, "reason", dcsapi.ReasonOf(w), "err", w)
	}
}
