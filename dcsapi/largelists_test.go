package dcsapi_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestLargeLists checks that lists of instances and nodes that would take much
// memory, in one answer or in many, are refused: also while each answer by
// itself is small.
func TestLargeLists(t *testing.T) {
	nodes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"node_id":"n%d"}`, i)
		}
		return "[" + strings.TrimPrefix(b.String(), ",") + "]"
	}
	var tags strings.Builder
	for i := range 100 {
		fmt.Fprintf(&tags, `,{"key":"%d%s","value":"%s"}`, i, strings.Repeat("k", 500), strings.Repeat("v", 600))
	}
	instances := func(c *dcsapi.Client) error { _, err := c.ListInstances(t.Context()); return err }
	ofProject := func(c *dcsapi.Client) error { _, err := c.ListProjectNodes(t.Context()); return err }
	ofInstance := func(c *dcsapi.Client) error { _, err := c.ListNodes(t.Context(), "i1"); return err }
	for _, tt := range []struct {
		name string
		list func(*dcsapi.Client) error
		more string // the fields of an element besides its id, or the list of nodes
		most int    // requests
		want string
	}{
		{"instances without end", instances, "", 210, "the list has no end: more than 20000 elements"},
		{"instances with large tags", instances, `,"tags":[` + tags.String()[1:] + "]", 10, "have more than 24 MiB"},
		{"nodes of an instance", ofInstance, nodes(2001), 1, "the list of nodes has 2001 elements: more than 2000 are not read"},
		{"long texts of an instance's nodes", ofInstance, strings.ReplaceAll(nodes(2000), `"}`, `","name":"`+strings.Repeat("x", 500)+`","node_ip":"`+strings.Repeat("y", 600)+`","az_code":"`+strings.Repeat("z", 100)+`"}`), 1, "more than 2 MiB"},
		{"nodes of a project", ofProject, `,"nodes":` + nodes(500), 2, "the list has no end: more than 20000 nodes"},
		{"instances with nodes without end", ofProject, "", 210, "the list has no end: more than 20000 elements"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requests := 0
			c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if strings.HasSuffix(r.URL.Path, "/logical-nodes") {
					_, _ = fmt.Fprintf(w, `{"nodes":%s}`, tt.more)
					return
				}
				offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
				separator := `{"instances":[`
				for i := range 100 {
					_, _ = fmt.Fprintf(w, `%s{"instance_id":"i%d"%s}`, separator, offset+i, tt.more)
					separator = ","
				}
				_, _ = fmt.Fprint(w, "]}")
			}), func(o *dcsapi.Options) { o.RequestsPerSecond = 100_000 })
			err := tt.list(c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || requests > tt.most {
				t.Errorf("after %d requests: %v; want %q after at most %d", requests, err, tt.want, tt.most)
			}
		})
	}
}

// TestLongTextsAreNotKept checks that what is cut of a long text takes no
// memory.
func TestLongTextsAreNotKept(t *testing.T) {
	body := []byte(`{"nodes":[{"node_id":"n","name":"` + strings.Repeat("n", 8<<20) + `"}]}`)
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }), nil)
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	var kept [][]dcsapi.Node
	for range 10 {
		nodes, err := c.ListNodes(t.Context(), "i1")
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, nodes)
	}
	if more := live() - before; more > 32<<20 {
		t.Errorf("%d lists of a node with a long name take %d MiB", len(kept), more>>20)
	}
	runtime.KeepAlive(kept)
}
