package dcsapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"dcs_session_exporter/dcsapi"
)

// FuzzInstances checks that whatever stands in a list of instances and their
// nodes, it costs only itself: the good one beside it is always read, ids are
// canonical and no two the same, and oddities are fit for a line of a log.
func FuzzInstances(f *testing.F) {
	for _, seed := range []string{
		`{"instance_id":"i2","tags":["a=b"],"nodes":[{"node_id":"n"}]}`, `{"instance_id":{},"tags":{}}`, `null`, `7`, `[[]]`, `{"instance_id":"GOOD"}`,
		`{"instance_id":"i3","tags":[{"key":1,"value":{}},"=",{}],"nodes":{"a":1}}`, `{"instance_id":"\u0000\n","name":"\ud800","tags":""}`, `{"instance_id":1e3}`,
	} {
		f.Add(seed)
	}
	var mu sync.Mutex // one input at a time
	var body string
	c, found := answering(f, &body)
	f.Fuzz(func(t *testing.T, element string) {
		if !json.Valid([]byte(element)) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		body = `{"instances":[` + element + `,{"instance_id":"Good","name":"good","tags":[{"key":"a","value":"b"}],"nodes":[` + element + `,{"node_id":"Good"}]}],"nodes":[` + element + `,{"node_id":"Good"}]}`
		list, err := c.ListInstances(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen, good := make(map[string]bool), false
		for _, i := range list {
			if i.ID == "" || i.ID != dcsapi.CanonicalInstanceID(i.ID) || seen[i.ID] {
				t.Errorf("id %q", i.ID)
			}
			seen[i.ID] = true
			good = good || i.ID == "good"
		}
		nodes, err := c.ListNodes(t.Context(), "good")
		if err != nil || !slices.ContainsFunc(nodes, func(n dcsapi.Node) bool { return n.ID == "Good" }) {
			t.Errorf("nodes: %v, %v", nodes, err)
		}
		all, err := c.ListProjectNodes(t.Context())
		if err != nil || !good {
			t.Errorf("all nodes: %v, %v; instances: %v", all, err, list)
		}
		for _, text := range found.take() {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\x00") || len(text) > 1000 {
				t.Errorf("oddity %q", text)
			}
		}
	})
}
