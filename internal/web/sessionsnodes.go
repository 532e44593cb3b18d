package web

import (
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/sessiontable"
)

// toNode is a link to the same view of a node.
type toNode struct {
	step
	Current bool
}

// switches returns the links that lead from the view of a node to the same view
// of the others, and of all; nil if there is only one node.
func switches(nodes []dcsapi.Node, q sessiontable.Query) []toNode {
	if len(nodes) < 2 {
		return nil
	}
	of := func(text, node string) toNode {
		other := q
		other.Node, other.Offset = node, 0
		return toNode{step{text, link(other)}, node == q.Node}
	}
	out := []toNode{of("all nodes", sessiontable.AllNodes)}
	for _, n := range nodes {
		out = append(out, of(sessiontable.NodeLabel(n), n.ID))
	}
	return out
}
