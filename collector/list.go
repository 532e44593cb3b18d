package collector

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"

	"golang.org/x/sync/errgroup"
)

const (
	pageSize = dcsapi.MaxLimit
	// maxSessions bounds what is read of one list, whatever the API says.
	maxSessions = 1_000_000
	// rereads is how often a list that changed while it was read is read
	// again.
	rereads = 2
)

// API is what the collector needs of a project's dcsapi.Client.
type API interface {
	Region() string
	KnownProjectID() string
	ProjectID(context.Context) (string, error)
	KeyAccepted(context.Context) bool
	ListInstances(context.Context) ([]dcsapi.Instance, error)
	ListNodes(ctx context.Context, instanceID string) ([]dcsapi.Node, error)
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
	ScanClients(ctx context.Context, instanceID, nodeID string) (string, error)
	ListProjectNodes(context.Context) (map[string][]dcsapi.Node, error)
	Capacity(until time.Time) float64
	InFlight() int
	HoldOff() time.Duration
}

// list reads one session list, page by page, into an aggregator. Pages may
// come at the same time and in any order.
type list struct {
	api        API
	instanceID string
	nodeID     string
	parallel   int // pages asked for at once

	mu       sync.Mutex
	agg      *Aggregator
	ids      sessionAges // sessions seen
	sessions int         // sessions read, with repetitions
	pages    int         // pages read
	times    map[string]time.Time
	first    dcsapi.Page
	last     int  // sessions on the page at the highest offset
	lastAt   int  // the highest offset read
	end      int  // the lowest offset of an empty page: there is nothing beyond
	noNews   bool // a page held only sessions that were seen before
}

// page reads the page at an offset.
func (l *list) page(ctx context.Context, offset int, once bool) (dcsapi.Page, error) {
	request := dcsapi.ListClientsRequest{InstanceID: l.instanceID, NodeID: l.nodeID, Offset: offset, Limit: pageSize, Once: once}
	fresh := 0
	page, err := l.api.ListClients(ctx, request, func(sessions iter.Seq[*dcsapi.Session]) {
		// Pages come over the network side by side and are added up one
		// after the other.
		l.mu.Lock()
		defer l.mu.Unlock()
		for s := range sessions {
			if l.isNew(s) {
				fresh++
				l.agg.Add(s)
			}
		}
	})
	if err != nil {
		return dcsapi.Page{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if offset == 0 {
		l.first = page
	}
	if offset >= l.lastAt {
		l.last, l.lastAt = page.Sessions, offset
	}
	l.sessions += page.Sessions
	l.pages++
	l.times[page.Time] = page.Taken
	if page.Sessions == 0 {
		l.end = min(l.end, offset)
	}
	l.noNews = l.noNews || (page.Sessions > 0 && fresh == 0)
	return page, nil
}

// isNew tells whether a session was not seen before, and remembers it.
func (l *list) isNew(s *dcsapi.Session) bool {
	before := len(l.ids)
	l.ids.add(s)
	return len(l.ids) > before
}

// rest reads the pages after the first: side by side as many as the count
// tells of, then one by one until one is short, or full with the count met.
func (l *list) rest(ctx context.Context) error {
	planned := 1
	if l.first.Sessions >= pageSize && l.first.Count > int64(l.first.Sessions) {
		planned = int((min(l.first.Count, maxSessions+1) + pageSize - 1) / pageSize)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, l.parallel))
	for offset := pageSize; offset < planned*pageSize && l.goesOn(offset); offset += pageSize {
		group.Go(func() error {
			if !l.goesOn(offset) {
				return nil
			}
			_, err := l.page(groupCtx, offset, false)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for offset := planned * pageSize; l.goesOn(offset) && l.last >= pageSize && int64(l.sessions) != l.first.Count; offset += pageSize {
		if len(l.ids) > maxSessions {
			return l.failed(fmt.Sprintf("the list has no end: more than %d sessions", maxSessions))
		}
		if _, err := l.page(ctx, offset, false); err != nil {
			return err
		}
	}
	return nil
}

// goesOn tells whether the page at an offset may hold anything new. An empty
// page says nothing of those before it, which may still be under way.
func (l *list) goesOn(offset int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return offset < l.end && !l.noNews
}

// verdict is what the pages that were read amount to.
type verdict int

const (
	whole verdict = iota // one list
	torn                 // the list changed meanwhile
	mixed                // times differ, but no session is missing or repeated
	wrong                // no list can come of it
)

// judge tells what the pages amount to.
func (l *list) judge() verdict {
	sameTime := len(l.times) == 1
	distinct := len(l.ids) == l.sessions
	switch {
	case sameTime && l.noNews:
		return wrong
	case sameTime && distinct:
		return whole
	case !sameTime && distinct && int64(l.sessions) == l.first.Count:
		return mixed
	default:
		return torn
	}
}

// oldest returns the oldest time that a page gave.
func (l *list) oldest() time.Time {
	var oldest time.Time
	for _, t := range l.times {
		if oldest.IsZero() || (!t.IsZero() && t.Before(oldest)) {
			oldest = t
		}
	}
	return oldest
}

func (l *list) failed(message string) error {
	return &dcsapi.Error{
		Op:     fmt.Sprintf("list sessions of node %s of instance %s", l.nodeID, l.instanceID),
		Reason: dcsapi.ReasonInconsistent, Message: message,
	}
}

// readList reads a whole list, again if it changes meanwhile. start is a list
// whose first page was read, or nil. fresh makes an empty list. unchanged
// tells, after a first page, whether its list is one that was read before; if
// so, readList returns nil. torn is called for each list that changed.
func readList(ctx context.Context, start *list, fresh func() *list, unchanged func(dcsapi.Page) bool, onTorn func()) (*list, error) {
	l := start
	for try := 0; ; try++ {
		if l == nil {
			l = fresh()
			if _, err := l.page(ctx, 0, false); err != nil {
				return nil, err
			}
		}
		if unchanged(l.first) {
			return nil, nil
		}
		if err := l.rest(ctx); err != nil {
			return nil, err
		}
		switch v := l.judge(); {
		case v == whole, v == mixed && try == rereads:
			return l, nil
		case v == wrong:
			return nil, l.failed("a page repeats sessions of the pages before it and brings no new one")
		case try == rereads:
			onTorn()
			return nil, l.failed(fmt.Sprintf("the list changed each of the %d times that it was read: %d sessions on its pages, %d of them distinct, where the API counts %d", rereads+1, l.sessions, len(l.ids), l.first.Count))
		}
		onTorn()
		l = nil
	}
}
