package sessiontable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/nearest"
	"dcs_session_exporter/internal/printable"
)

// FindTarget returns the instance with the given id, or else the only one with
// that name. It waits until discovery has finished.
//
// Errors are InstanceError and fleet.ErrNotDiscovered.
func FindTarget(ctx context.Context, f *fleet.Fleet, instance string) (*fleet.Target, error) {
	if t, err := f.Target(instance); err == nil {
		return t, nil
	}
	f.AwaitInstances(ctx)
	t, err := f.Target(instance)
	if err == nil {
		return t, nil
	}
	all, unknown := f.Targets()
	if unknown != nil {
		return nil, unknown
	}
	var found []*fleet.Target
	for _, t := range all {
		if t.Details.Name == instance {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, InstanceError{instance, found, true}
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, err // it may be among those that are not known
	default:
		return nil, InstanceError{instance, all, false}
	}
}

// InstanceError means that no instance, or several, match a query.
type InstanceError struct {
	Asked   string
	Targets []*fleet.Target // those that have the name, or all
	Several bool
}

// Error lists the instances.
func (e InstanceError) Error() string {
	var known []string
	for _, t := range e.Targets {
		known = append(known, t.ID, t.Details.Name)
	}
	var b strings.Builder
	if hint := nearest.Hint(e.Asked, known); e.Several {
		b.WriteString("several instances have this name, use the id of one:")
	} else {
		fmt.Fprintf(&b, "no instance %q is configured or discovered%s Known instances:", printable.Name(e.Asked), cmp.Or(hint, "."))
	}
	for _, t := range e.Targets {
		b.WriteString("\n  " + strings.TrimSpace(printable.Name(t.ID)+" "+printable.Name(t.Details.Name)))
	}
	return b.String()
}

// AllNodes is the Query.Node that stands for all nodes of an instance.
const AllNodes = "all"

// ChooseNode returns the target's node with the given id, or else the only one
// with that name. If neither is given, it returns the only node.
//
// Errors: NodeError, and what the API says.
func ChooseNode(ctx context.Context, t *fleet.Target, node string) (chosen dcsapi.Node, all []dcsapi.Node, err error) {
	if all, err = t.SessionNodes(ctx); err != nil {
		return dcsapi.Node{}, nil, err
	}
	var named []dcsapi.Node
	for _, n := range all {
		switch {
		case n.ID == node || (node == "" && len(all) == 1):
			return n, all, nil
		case node != "" && n.Name == node:
			named = append(named, n)
		}
	}
	if len(named) == 1 {
		return named[0], all, nil
	}
	if len(named) > 1 {
		return dcsapi.Node{}, all, NodeError{Asked: node, Nodes: named, Several: true}
	}
	return dcsapi.Node{}, all, NodeError{Asked: node, Nodes: all}
}

// NodeError means that a query names no node that holds sessions, or several.
type NodeError struct {
	Asked   string // "" if it names none
	Nodes   []dcsapi.Node
	Several bool // all Nodes have the name
}

// Error lists the nodes.
func (e NodeError) Error() string {
	text := "the instance has several nodes: choose one by its id or name, or all"
	switch {
	case e.Several:
		text = fmt.Sprintf("several nodes have the name %q: choose one by its id", printable.Name(e.Asked))
	case e.Asked != "":
		text = fmt.Sprintf("the instance has no node %q that holds sessions%s", printable.Name(e.Asked), nearest.Hint(e.Asked, nodeWords(e.Nodes)))
	}
	return text + "\n" + nodeTable(e.Nodes)
}

// nodeWords returns the ids and names of nodes.
func nodeWords(nodes []dcsapi.Node) []string {
	var words []string
	for _, n := range nodes {
		words = append(words, n.ID, n.Name)
	}
	return words
}

// nodeTable returns nodes as a table.
func nodeTable(nodes []dcsapi.Node) string {
	rows := [][]string{{"NODE", "NAME", "TYPE"}}
	for _, n := range nodes {
		rows = append(rows, []string{printable.Name(n.ID), printable.Name(n.Name), printable.Name(n.Type)})
	}
	var b strings.Builder
	Align(&b, rows, nil)
	return "  " + strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\n", "\n  ")
}
