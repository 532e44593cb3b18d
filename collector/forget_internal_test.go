package collector

import (
	"strconv"
	"testing"
	"time"
)

// TestForgetIsBounded gives an instance other nodes with each list: what is
// remembered of those that are gone stays within bounds.
func TestForgetIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ listed, most int }{{1, 1 + minKept}, {40, 80}} {
		i := &instance{id: "instance-1", known: make(map[string]*node)}
		for k := range 20 {
			var ids []string
			for n := range tt.listed {
				ids = append(ids, "node-"+strconv.Itoa(k)+"-"+strconv.Itoa(n))
				i.node(ids[n])
			}
			i.forget(ids, time.Hour)
			for _, id := range ids {
				if i.known[id] == nil {
					t.Fatalf("%s is forgotten, which is listed", id)
				}
			}
			if len(i.known) > tt.most {
				t.Fatalf("%d nodes are remembered after list %d, want %d at most", len(i.known), k, tt.most)
			}
		}
		if i.known["node-18-0"] == nil {
			t.Error("the node that was listed before is forgotten")
		}
	}
}
