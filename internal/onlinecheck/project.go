package onlinecheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"

	"golang.org/x/sync/errgroup"
)

// target is an instance to check.
type target struct {
	config.Instance
	discovered bool
	details    dcsapi.Instance // as far as known
	listed     bool            // the project's list of instances has it
	nodes      []dcsapi.Node   // nil if they were not listed together with those of other instances
}

// read asks DCS everything about a project.
func (c *projectCheck) read(ctx context.Context) {
	targets, goOn := c.targets(ctx)
	if goOn && !c.isRefused() {
		c.listNodesAtOnce(ctx, targets)
	}
	c.report.Instances = make([]Instance, len(targets))
	var group errgroup.Group
	group.SetLimit(c.config.MaxConcurrentRequests)
	for k, t := range targets {
		i := &c.report.Instances[k]
		*i = Instance{
			ID: t.ID, Name: t.details.Name, Engine: t.details.Engine, EngineVersion: t.details.EngineVersion, Status: t.details.Status,
			Discovered: t.discovered, Result: NotChecked, Findings: []Finding{}, Nodes: []Node{},
			clientIP: t.details.ClientIP,
		}
		if goOn {
			group.Go(func() error {
				c.instance(ctx, t, i)
				return nil
			})
		}
	}
	_ = group.Wait() // never an error: failures are findings
	if goOn {
		c.limits(ctx)
	}
	if !c.isRefused() && c.api.KeyAccepted(ctx) {
		c.report.Key.Accepted = new(true)
	}
}

func (c *projectCheck) isRefused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// targets returns the instances of a project that the exporter will read, and
// whether it makes sense to ask about them.
func (c *projectCheck) targets(ctx context.Context) (targets []target, goOn bool) {
	for _, i := range c.config.Instances {
		i.ID = dcsapi.CanonicalInstanceID(i.ID)
		targets = append(targets, target{Instance: i, details: dcsapi.Instance{ID: i.ID}})
	}
	if _, err := c.api.ProjectID(ctx); err != nil {
		c.refusal = err
		c.mu.Lock()
		refused := c.refuse(c.iam(), err)
		c.mu.Unlock()
		if !refused {
			c.add(&c.report.Findings, c.explain(c.iam(), "cannot look up the project's id", "", err))
		}
		return targets, false
	}
	list, err := c.api.ListInstances(ctx)
	switch {
	case c.answered(actionListInstances, err):
		return targets, false
	case err != nil:
		c.report.Endpoint.Problem = detailsOf(err).Problem
		c.refusal = err
		c.add(&c.report.Findings, c.explain(c.dcs(), "cannot list the project's instances", actionListInstances, err))
		return targets, isOfService(err)
	}
	c.list = list
	c.report.InstancesListed = new(len(list))
	for k := range targets {
		t := &targets[k]
		if at := slices.IndexFunc(list, func(i dcsapi.Instance) bool { return i.ID == t.ID }); at >= 0 {
			t.details, t.listed = list[at], true
		}
	}
	return append(targets, c.discovered()...), true
}

// discovered returns the instances that discover selects and that are not
// configured.
func (c *projectCheck) discovered() []target {
	if c.config.Discover == nil {
		return nil
	}
	configured := make(map[string]bool)
	for _, p := range c.options.Config.Projects {
		for _, i := range p.Instances {
			configured[dcsapi.CanonicalInstanceID(i.ID)] = true
		}
	}
	var out []target
	matches := false
	for _, i := range c.list {
		if !c.config.Discover.Matches(i) {
			continue
		}
		matches = true
		if !configured[i.ID] {
			out = append(out, target{Instance: config.Instance{ID: i.ID}, discovered: true, details: i, listed: true})
		}
	}
	slices.SortStableFunc(out, func(a, b target) int { return cmp.Compare(a.details.Name, b.details.Name) })
	if !matches {
		c.add(&c.report.Findings, Finding{
			Severity: SeverityWarning, Reason: reasonSelection,
			Message: fmt.Sprintf("discover matches none of the project's %d instances (%s)", len(c.list), c.config.Discover),
			Action:  "compare name, tags and enterprise_project_id with the instances in the console",
		})
	}
	return out
}

// listNodesAtOnce lists the nodes of all instances together if that takes fewer
// requests. Nodes that it cannot list are listed per instance later.
func (c *projectCheck) listNodesAtOnce(ctx context.Context, targets []target) {
	const perPage = 100
	if len(targets) <= (len(c.list)+perPage-1)/perPage || c.list == nil {
		return
	}
	nodes, err := c.api.ListProjectNodes(ctx)
	if c.answered("", err) || err != nil {
		return
	}
	for k := range targets {
		targets[k].nodes = nodes[targets[k].ID]
	}
	c.answered(actionGetInstance, nil)
}

// instance asks about one instance.
func (c *projectCheck) instance(ctx context.Context, t target, i *Instance) {
	if !t.listed && !c.known(ctx, &t, i) {
		return
	}
	i.Result = OK
	if t.details.Status != "" && !t.details.Running() {
		i.Skipped = "not_running"
		if !t.discovered {
			c.add(&i.Findings, Finding{
				Severity: SeverityWarning, Reason: reasonNotRunning,
				Message: "the instance is " + t.details.Status + " instead of running: the exporter does not read it until it runs",
				Action:  "nothing, if that is intended; otherwise look at it in the console",
			})
		}
		return
	}
	nodes := t.nodes
	if nodes == nil {
		var err error
		nodes, err = c.api.ListNodes(ctx, t.ID)
		if c.answered(actionGetInstance, err) {
			i.Result = NotChecked
			return
		}
		if err != nil {
			c.add(&i.Findings, c.explain(c.dcs(), "cannot list the instance's nodes", actionGetInstance, err))
		}
	}
	i.Nodes = c.selection(t, nodes, i)
	var group errgroup.Group
	group.SetLimit(c.config.MaxConcurrentRequests)
	for k := range i.Nodes {
		if n := &i.Nodes[k]; n.Read && n.Result != Failed {
			group.Go(func() error {
				c.node(ctx, i, n)
				return nil
			})
		}
	}
	_ = group.Wait() // never an error: failures are findings
}

// known handles an instance that is not on the project's list, or asks about it
// if there is no list. It reports whether the instance exists.
func (c *projectCheck) known(ctx context.Context, t *target, i *Instance) bool {
	if c.list != nil {
		c.add(&i.Findings, c.unknownInstance(t.ID))
		return false
	}
	details, err := c.api.GetInstance(ctx, t.ID)
	switch {
	case c.answered(actionGetInstance, err):
		return false
	case err == nil:
		t.details = details
		i.Name, i.Engine, i.EngineVersion, i.Status = details.Name, details.Engine, details.EngineVersion, details.Status
		return true
	case dcsapi.IsUnknownInstance(err):
		c.add(&i.Findings, c.unknownInstance(t.ID))
		return false
	default:
		c.add(&i.Findings, c.explain(c.dcs(), "cannot look up the instance", actionGetInstance, err))
		return lacks(err) && t.Nodes != nil // the configured nodes can still be read
	}
}

// unknownInstance returns the finding that the project does not have an
// instance.
func (c *projectCheck) unknownInstance(id string) Finding {
	f := Finding{
		Severity: SeverityFailure, Reason: dcsapi.ReasonNotFound,
		Message: "the project has no such instance", follows: &consequence{what: "the project has no such instance"},
		Action: "check the id, and that the instance belongs to this region and project; if it was deleted, remove it from the configuration",
	}
	for _, i := range c.list {
		if strings.EqualFold(i.Name, id) { // the id has been lowercased
			f.Action = "use the id instead of the name: " + i.ID
		}
	}
	return f
}

// selection returns the nodes of an instance, each with whether the exporter
// reads it.
func (c *projectCheck) selection(t target, known []dcsapi.Node, i *Instance) []Node {
	holders := fleet.SessionNodeIDs(known, c.config.ReadReplicas)
	read := t.Nodes
	if read == nil {
		read = holders
	}
	proxied := slices.ContainsFunc(known, dcsapi.Node.IsProxy)
	out := []Node{}
	for _, n := range known {
		node := Node{ID: n.ID, Name: n.Name, Type: cmp.Or(n.Type, n.Role), Read: slices.Contains(read, n.ID), Findings: []Finding{}}
		switch {
		case node.Read && t.Nodes != nil && proxied && !n.IsProxy():
			node.Findings = append(node.Findings, Finding{
				Severity: SeverityWarning, Reason: reasonSelection,
				Message: "nodes lists a server behind proxies: it only has the proxies' own sessions, the clients are connected to the proxies",
				Action:  "remove nodes to read the proxies, or list the proxies",
			})
		case node.Read:
		case t.Nodes != nil:
			node.NotRead = "not_listed"
		case proxied:
			node.NotRead = "behind_proxy"
		default:
			node.NotRead = "replica"
		}
		out = append(out, node)
	}
	for _, id := range t.Nodes {
		if slices.ContainsFunc(known, func(n dcsapi.Node) bool { return n.ID == id }) {
			continue
		}
		n := Node{ID: id, Read: true, Findings: []Finding{}}
		if known != nil {
			n.Result = Failed
			n.Findings = append(n.Findings, Finding{
				Severity: SeverityFailure, Reason: dcsapi.ReasonNotFound,
				Message: "nodes lists a node that the instance does not have",
				Action:  "correct it, or remove nodes to read all nodes that hold sessions; the instance has " + cmp.Or(few(holders), "none"),
			})
		}
		out = append(out, n)
	}
	if known != nil && len(read) == 0 {
		c.add(&i.Findings, Finding{
			Severity: SeverityFailure, Reason: dcsapi.ReasonNotFound,
			Message: "the instance has no node that holds sessions",
			Action:  "look at it in the console; with read_replicas: false, an instance that has only replicas has none",
		})
	}
	return out
}
