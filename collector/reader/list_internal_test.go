package reader

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// endingAPI has a list of so many sessions and counts more. Pages beyond its
// end come at once, the others when those have come.
type endingAPI struct {
	API
	sessions int
	count    int64
	end      func() // closes ended, once
	ended    chan struct{}
}

// Redact implements API.
func (*endingAPI) Redact(s string) string { return s }

func (a *endingAPI) ListClients(_ context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	from, to := min(r.Offset, a.sessions), min(r.Offset+r.Limit, a.sessions)
	switch {
	case from == to:
		a.end()
	case r.Offset > 0:
		<-a.ended
	}
	consume(func(yield func(*dcsapi.Session) bool) {
		for i := from; i < to && yield(&dcsapi.Session{ID: fmt.Sprint(i + 1)}); i++ {
		}
	})
	return dcsapi.Page{Time: "t", Taken: time.Unix(1, 0), Count: a.count, Sessions: to - from}, nil
}

// TestEarlyEnd checks that an empty page does not keep pages before it from
// being read that have not begun yet: the page that is asked for after it was
// seen is one before it.
func TestEarlyEnd(t *testing.T) {
	api := &endingAPI{sessions: 2500, count: 4000, ended: make(chan struct{})}
	api.end = sync.OnceFunc(func() { close(api.ended) })
	reader := New(api, new(Nodes), &Options{Aggregate: &aggregate.Options{}}, 8, nil)
	l := reader.newList(newNode("i", "n"))
	for _, offset := range []int{0, 3000} { // the last one overtakes the others
		if _, err := l.page(t.Context(), offset, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, offset := range []int{1000, 2000, 3000} {
		if got, want := l.goesOn(offset), offset < 3000; got != want {
			t.Errorf("the page at %d is read: %v, want %v", offset, got, want)
		}
	}
	if err := l.rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.sessions.Len() != 2500 || l.judge(false) != whole {
		t.Errorf("%d sessions, verdict %v", l.sessions.Len(), l.judge(false))
	}
}
