package dcsapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// listServer serves lists of instances, and of their nodes, with pages of its
// own size.
type listServer struct {
	instances int
	page      int    // the most that a page has
	hidden    []int  // counted, but not listed: offsets include them
	total     string // the JSON text of the count, "" for none
	requests  int
}

func (s *listServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests++
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	elements := []any{}
	for i := offset; i < min(offset+min(limit, s.page), s.instances); i++ {
		if len(s.hidden) > 0 && s.hidden[0] <= i && i <= s.hidden[len(s.hidden)-1] {
			continue
		}
		elements = append(elements, map[string]any{
			"instance_id": fmt.Sprintf("i-%d", i), "name": "n", "nodes": []any{map[string]any{"node_id": fmt.Sprintf("n-%d", i)}},
		})
	}
	answer := map[string]any{"instances": elements}
	if s.total != "" {
		answer["instance_num"], answer["count"] = json.RawMessage(s.total), json.RawMessage(s.total)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// TestShortPagesOfInstances reads lists of instances from servers that put
// fewer on a page than they are asked for, or hide some.
func TestShortPagesOfInstances(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   listServer
		want     int
		requests int // for instances, at most
	}{
		{"20 a page", listServer{instances: 250, page: 20, total: "250"}, 250, 13},
		{"20 a page, no count", listServer{instances: 250, page: 20}, 250, 14},
		{"20 a page, count null", listServer{instances: 250, page: 20, total: "null"}, 250, 14},
		{"20 a page, count as text", listServer{instances: 250, page: 20, total: `"250"`}, 250, 13},
		{"one page", listServer{instances: 15, page: 1000, total: "15"}, 15, 1},
		{"two hidden at the end", listServer{instances: 50, page: 1000, hidden: []int{48, 49}, total: "50"}, 48, 2},
		{"two hidden at the beginning", listServer{instances: 50, page: 1000, hidden: []int{0, 1}, total: "50"}, 48, 2},
		{"none", listServer{page: 1000, total: "0"}, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(&tt.server)
			defer server.Close()
			c := dcsapi.New(dcsapi.Options{
				Endpoint: server.URL, ProjectID: "p", RequestsPerSecond: 1000,
				Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "AK"}, dcsapi.Secret{Value: "SK"}, dcsapi.Secret{}),
			})
			defer c.Close()
			list, err := c.ListInstances(t.Context())
			if err != nil || len(list) != tt.want {
				t.Errorf("%d instances, %v; want %d", len(list), err, tt.want)
			}
			if tt.server.requests > tt.requests {
				t.Errorf("%d requests, want %d at most", tt.server.requests, tt.requests)
			}
			nodes, err := c.ListProjectNodes(t.Context())
			if err != nil || len(nodes) != tt.want {
				t.Errorf("nodes of %d instances, %v; want %d", len(nodes), err, tt.want)
			}
		})
	}
}
