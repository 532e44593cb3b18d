package sessiontable

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
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
	text := fmt.Sprintf("no instance %q is configured or discovered; known instances:", printable.Name(e.Asked))
	if e.Several {
		text = "several instances have this name, use the id of one:"
	}
	var b strings.Builder
	b.WriteString(text)
	for _, t := range e.Targets {
		b.WriteString("\n  " + strings.TrimSpace(printable.Name(t.ID)+" "+printable.Name(t.Details.Name)))
	}
	return b.String()
}

// ChooseNode returns the target's node with the given id. If id is empty, it
// returns the only node.
//
// Errors: NodeError, and what the API says.
func ChooseNode(ctx context.Context, t *fleet.Target, id string) (node dcsapi.Node, all []dcsapi.Node, err error) {
	if all, err = t.HolderNodes(ctx); err != nil {
		return dcsapi.Node{}, nil, err
	}
	for _, n := range all {
		if n.ID == id || (id == "" && len(all) == 1) {
			return n, all, nil
		}
	}
	return dcsapi.Node{}, all, NodeError{id, all}
}

// Scan scans a node of a target on demand; see reader.Reader.Scan.
func Scan(ctx context.Context, r *reader.Reader, t *fleet.Target, nodeID string) error {
	err := r.Scan(ctx, t.ID, nodeID)
	t.RefreshNodesAfter(err)
	return err
}

// NodeError means that a query names no node that holds sessions.
type NodeError struct {
	Asked string // "" if it names none
	Nodes []dcsapi.Node
}

// Error lists the nodes.
func (e NodeError) Error() string {
	text := "the instance has several nodes, choose one"
	if e.Asked != "" {
		text = "the instance has no such node that holds sessions; its nodes are"
	}
	return text + ": " + strings.Join(nodeWords(e.Nodes), ", ")
}

func nodeWords(nodes []dcsapi.Node) []string {
	words := make([]string, len(nodes))
	for i, n := range nodes {
		words[i] = printable.Name(n.ID)
		if n.Name != "" {
			words[i] += " (" + printable.Name(n.Name) + ")"
		}
	}
	return words
}
