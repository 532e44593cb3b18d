package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
)

// listAttacks are attacks on where lists begin and end.
var listAttacks = []Attack{
	{Name: "endless", Help: "the instance's lists never end and claim 2,000,000,000 sessions", quirks: []string{"endless", "count=2000000000"}},
	{Name: "repeated-pages", Help: "every page of the instance's lists is the first one", quirks: []string{"repeat-pages"}},
	{Name: "count-high", Help: "the instance's lists claim 999,999 sessions", quirks: []string{"count=999999"}},
	{Name: "count-zero", Help: "the instance's lists claim 0 sessions", quirks: []string{"count=0"}},
	{Name: "count-negative", Help: "the instance's lists claim -5 sessions", quirks: []string{"count=-5"}},
	{Name: "hang-later-pages", Help: "the lists of the instance's first node hang after the first page", operations: listClientsOnly, change: func(x exchange, a answer) {
		if x.Offset > 0 && x.firstNode() {
			x.noted(0)
			x.wait()
		}
		x.reply(a)
	}},
	{Name: "flap-nodes", Help: "lists of nodes leave out half of the nodes, different ones each time", operations: []string{"list_nodes", "list_project_nodes"}, project: true, change: flap("nodes")},
	{Name: "flap-instances", Help: "lists of instances leave out half of the instances, different ones each time", operations: []string{"list_instances"}, project: true, change: flap("instances")},
	{Name: "no-nodes", Help: "lists of nodes are empty", operations: []string{"list_nodes", "list_project_nodes"}, project: true, change: func(x exchange, a answer) {
		x.reply(without(a, "nodes", func() bool { return true }))
	}},
}

// firstNode reports whether a request is about the target's first node.
func (x exchange) firstNode() bool {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	nodes := x.s.chaos.target.Nodes
	return len(nodes) > 0 && nodes[0].ID == x.NodeID
}

// flap returns a change that leaves out a random half of a list.
func flap(key string) func(exchange, answer) {
	return func(x exchange, a answer) {
		x.reply(without(a, key, func() bool { return x.rng.IntN(2) == 0 }))
	}
}

// without removes elements from all lists with a key, anywhere in the answer.
func without(a answer, key string, out func() bool) answer {
	var v any
	if a.status != http.StatusOK || json.Unmarshal(a.body, &v) != nil {
		return a
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, of := range v {
				if list, isList := of.([]any); isList && k == key {
					of = slices.DeleteFunc(list, func(any) bool { return out() })
				}
				v[k] = walk(of)
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		}
		return v
	}
	a.body = ok(walk(v)).body
	return a
}
