// Package instancetable makes a table of the instances that are configured or
// discovered, with their nodes: which of them the exporter reads, and why not
// the others. It asks the API for lists of instances and nodes only.
package instancetable

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
)

// Table is the instances of all projects.
type Table struct {
	Instances []Instance `json:"instances"`
	// Problems are why instances or nodes may be missing.
	Problems []string `json:"problems"`
}

// Instance is an instance. Texts are empty where they are not known.
type Instance struct {
	ID        string `json:"instance_id"`
	Name      string `json:"instance_name"`
	Region    string `json:"region"`
	ProjectID string `json:"project_id"`
	Engine    string `json:"engine"`
	Version   string `json:"engine_version"`
	SpecCode  string `json:"spec_code"`
	Status    string `json:"status"`
	Found     string `json:"found"` // configured or discovered
	Read      bool   `json:"read"`
	NotRead   string `json:"not_read"` // why, "" if it is read
	Nodes     []Node `json:"nodes"`
}

// Node is a node of an instance. Texts are empty where they are not known.
type Node struct {
	ID      string `json:"node_id"`
	Name    string `json:"node_name"`
	Type    string `json:"type"` // master, slave or proxy
	Role    string `json:"role"`
	Status  string `json:"status"`
	IP      string `json:"ip"`
	Port    string `json:"port"`
	Read    bool   `json:"read"`
	NotRead string `json:"not_read"` // why, "" if it is read
}

// Read makes the table. It returns an error only if no instance is known.
func Read(ctx context.Context, f *fleet.Fleet) (*Table, error) {
	t := &Table{Instances: []Instance{}, Problems: []string{}}
	f.AwaitInstances(ctx)
	for _, p := range f.Projects() {
		if err := p.ListError(); err != nil {
			t.Problems = append(t.Problems, err.Error())
		}
		if p.ListsNodesTogether() {
			if end, ok := ctx.Deadline(); ok {
				p.AwaitNodes(ctx, end)
			}
		}
		for target := range f.TargetsOf(p) {
			t.add(ctx, target)
		}
	}
	if len(t.Instances) == 0 && len(t.Problems) > 0 {
		return nil, t.Problem()
	}
	slices.SortStableFunc(t.Instances, func(a, b Instance) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}

// Problem returns an error if instances or nodes may be missing.
func (t *Table) Problem() error {
	if len(t.Problems) == 0 {
		return nil
	}
	return fmt.Errorf("not everything is known:\n%s", strings.Join(t.Problems, "\n"))
}

// add adds an instance.
func (t *Table) add(ctx context.Context, target *fleet.Target) {
	d := target.Details
	i := Instance{
		ID: target.ID, Name: d.Name, Region: target.Region, ProjectID: target.ProjectID,
		Engine: d.Engine, Version: d.EngineVersion, SpecCode: d.SpecCode, Status: d.Status,
		Found: "discovered", Read: true, Nodes: []Node{},
	}
	if slices.ContainsFunc(target.Project.Instances, func(c fleet.Instance) bool { return c.ID == target.ID }) {
		i.Found = "configured"
	}
	switch {
	case d.Status != "" && !d.Running():
		i.Read, i.NotRead = false, "not running"
	case target.Unsupported():
		i.Read, i.NotRead = false, "no session management"
	case target.Project.Listed() && d.ID == "":
		i.NotRead = "not on the project's list of instances"
	}
	all, read, err := target.AllNodes(ctx)
	if err != nil {
		t.Problems = append(t.Problems, err.Error())
	}
	proxied := slices.ContainsFunc(all, func(n dcsapi.Node) bool { return n.IsProxy() })
	for _, n := range all {
		node := Node{ID: n.ID, Name: n.Name, Type: n.Type, Role: n.Role, Status: n.Status, IP: n.IP, Port: n.Port, Read: i.Read && slices.Contains(read, n.ID)}
		switch {
		case node.Read:
		case !i.Read:
			node.NotRead = i.NotRead
		case target.Nodes != nil:
			node.NotRead = "not in nodes"
		case proxied:
			node.NotRead = "behind a proxy"
		default:
			node.NotRead = "a replica"
		}
		i.Nodes = append(i.Nodes, node)
	}
	t.Instances = append(t.Instances, i)
}

// words says in a cell whether something is read.
func words(read bool, why string) string {
	switch {
	case read && why == "":
		return "yes"
	case read:
		return "yes, but " + printable.Text(why)
	default:
		return "no: " + printable.Text(why)
	}
}
