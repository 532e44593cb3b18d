package emulator

import (
	"slices"
	"strings"
)

// shown returns an instance's id as answers write it. s.mu must be held.
func (s *Server) shown(id string) string {
	if s.o.UpperIDs {
		return strings.ToUpper(id)
	}
	return id
}

// everySecond reports whether an instance is the second, the fourth and so on.
// s.mu must be held.
func (s *Server) everySecond(i *instanceState) bool { return slices.Index(s.instances, i)%2 == 1 }

// oddInstance returns the beginning of a list of instances: element if the
// options ask for it, or else nothing. s.mu must be held.
func (s *Server) oddInstance(element any) []any {
	if !s.o.OddInstance {
		return []any{}
	}
	return []any{element}
}

// oddNode returns the beginning of an instance's list of nodes: an odd element if
// the options ask for it, or else nothing. s.mu must be held.
func (s *Server) oddNode(i *instanceState) []any {
	switch {
	case !s.o.OddNode:
		return []any{}
	case s.everySecond(i):
		return []any{"odd"}
	}
	return []any{map[string]any{
		"logical_node_id": "logical-odd", "node_id": "odd", "name": "odd", "status": "Active", "node_role": "redis-server", "node_type": "master",
		"node_ip": []string{"192.168.0.9"}, "node_port": "6379",
	}}
}
