package reader

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// hidingAPI serves a list some of whose sessions are hidden: offsets count them.
type hidingAPI struct {
	API
	sessions int
	hidden   map[int]bool
	pageCap  int
	count    int64
	requests atomic.Int64
}

// Redact implements API.
func (*hidingAPI) Redact(s string) string { return s }

func (a *hidingAPI) ListClients(_ context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	a.requests.Add(1)
	var shown []int
	for i := r.Offset; i < min(r.Offset+min(r.Limit, a.pageCap), a.sessions); i++ {
		if !a.hidden[i] {
			shown = append(shown, i)
		}
	}
	consume(func(yield func(*dcsapi.Session) bool) {
		for _, i := range shown {
			if !yield(&dcsapi.Session{ID: fmt.Sprint(i + 1), Addr: fmt.Sprint("10.0.0.1:", i)}) {
				return
			}
		}
	})
	return dcsapi.Page{Time: "t", Taken: time.Unix(1, 0), Count: a.count, Sessions: len(shown)}, nil
}

// TestHiddenAnywhere reads lists with hidden sessions at random places: all
// others are read, once, without reading the list again.
func TestHiddenAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		sessions, hidden, pageCap int
		requests                  float64 // a list, on average, at most
	}{
		{3335, 2, 1000, 8},
		{3335, 5, 1000, 9},
		{2500, 3, 500, 10},
		{2500, 5, 1000, 7},
		{5000, 5, 1000, 11},
		{9000, 4, 1000, 15},
		{9000, 40, 1000, 16},
		{2345, 30, 100, 32},
		{50, 2, 1000, 3},
	} {
		t.Run(fmt.Sprintf("%d of %d, %d a page", tt.hidden, tt.sessions, tt.pageCap), func(t *testing.T) {
			const lists = 60
			total := int64(0)
			for range lists {
				api := &hidingAPI{sessions: tt.sessions, pageCap: tt.pageCap, count: int64(tt.sessions), hidden: make(map[int]bool)}
				for len(api.hidden) < tt.hidden {
					api.hidden[random.IntN(tt.sessions)] = true
				}
				tornLists := 0
				l, err := readHiding(t, api, &tornLists)
				if err != nil || tornLists > 0 {
					t.Fatalf("hidden %v: %v, torn %d times", places(api.hidden), err, tornLists)
				}
				if got, want := l.sessions.Len(), tt.sessions-tt.hidden; got != want || l.agg.Snapshot(nil, time.Time{}).Sessions != int64(want) {
					t.Fatalf("hidden %v: %d sessions, want %d", places(api.hidden), got, want)
				}
				total += api.requests.Load()
			}
			if average := float64(total) / lists; average > tt.requests {
				t.Errorf("%.1f requests a list, want %.0f at most", average, tt.requests)
			}
		})
	}
}

// TestCountOfShown reads lists whose count leaves the hidden sessions out, and
// whose offsets do not.
func TestCountOfShown(t *testing.T) {
	hidden := make(map[int]bool)
	for i := range 26 {
		hidden[i] = true
	}
	for _, tt := range []struct{ sessions, pageCap int }{{894, 100}, {2500, 1000}} {
		api := &hidingAPI{sessions: tt.sessions, pageCap: tt.pageCap, hidden: hidden, count: int64(tt.sessions - len(hidden))}
		l, err := readHiding(t, api, new(int))
		if err != nil || l.sessions.Len() != tt.sessions-len(hidden) {
			t.Errorf("%d sessions, %d a page: %v", tt.sessions, tt.pageCap, err)
		}
	}
}

func readHiding(t *testing.T, api API, tornLists *int) (*list, error) {
	t.Helper()
	reader := New(api, new(Nodes), &Options{Aggregate: &aggregate.Options{}}, 8, nil)
	return readList(t.Context(), nil, func() *list { return reader.newList(newNode("i", "n")) },
		func(dcsapi.Page) bool { return false }, func() { *tornLists++ })
}

func places(set map[int]bool) []int {
	var all []int
	for i := range set {
		all = append(all, i)
	}
	slices.Sort(all)
	return all
}
