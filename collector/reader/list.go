package reader

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"

	"golang.org/x/sync/errgroup"
)

const (
	pageSize = dcsapi.MaxLimit
	// maxSessions and maxPages bound what is read of one list, whatever the API
	// says.
	maxSessions = 1_000_000
	maxPages    = 10_000
	// maxLost is how many sessions of a list may be too large to be read: each
	// costs some twenty requests to find.
	maxLost = 5
)

// list reads one session list, page by page, into an aggregator. Pages may
// come at the same time and in any order. pages.go decides what to read next,
// torn.go what the pages amount to.
type list struct {
	api        API
	instanceID string
	nodeID     string
	share      *pageShare
	profile    pagingProfile

	mu       sync.Mutex
	agg      *aggregate.Aggregator
	sessions *aggregate.SessionSet
	pages    pagesRead
	times    map[string]time.Time
	first    dcsapi.Page // the first one that was read
	begun    bool        // first is set
	answers  uint16      // answers whose sessions were added up
}

// newList returns a list of the node of which nothing is read yet.
func (r *Reader) newList(n *node) *list {
	l := &list{
		api: r.api, instanceID: n.instanceID, nodeID: n.id, share: r.share,
		profile: n.habits.at(time.Now(), r.options.HiddenCountTTL),
		agg:     aggregate.New(r.options.Aggregate, r.api.Redact), sessions: aggregate.NewSessionSet(n.churn.Sessions()),
		pages: newPagesRead(), times: make(map[string]time.Time), first: dcsapi.Page{Count: -1},
	}
	l.agg.SetTimeout(n.timeout)
	return l
}

// page reads the page at an offset.
func (l *list) page(ctx context.Context, offset int, once bool) (dcsapi.Page, error) {
	return l.part(ctx, offset, pageSize, once)
}

// part reads a page of at most limit sessions. Where the answer is too large to
// be read, it reads the page in halves, down to single sessions: one that still
// cannot be read is lost, and counted.
func (l *list) part(ctx context.Context, offset, limit int, once bool) (dcsapi.Page, error) {
	page, err := l.ask(ctx, offset, limit, once)
	if !dcsapi.IsTooLarge(err) {
		return page, err
	}
	if limit == 1 {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.pages.lost == maxLost {
			return page, err
		}
		l.pages.lose(offset)
		return dcsapi.Page{}, nil
	}
	half := limit / 2
	if page, err = l.part(ctx, offset, half, once); err != nil {
		return page, err
	}
	if l.goesOn(offset + half) {
		_, err = l.part(ctx, offset+half, limit-half, once)
	}
	return page, err
}

// ask reads what one answer has.
func (l *list) ask(ctx context.Context, offset, limit int, once bool) (dcsapi.Page, error) {
	request := dcsapi.ListClientsRequest{InstanceID: l.instanceID, NodeID: l.nodeID, Offset: offset, Limit: limit, NoRetry: once}
	fresh := 0
	page, err := l.api.ListClients(ctx, request, func(sessions iter.Seq[*dcsapi.Session]) {
		// Pages come over the network side by side and are added up one
		// after the other.
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answers++
		for s := range sessions {
			if l.sessions.Add(s, l.answers) {
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
	if !l.begun {
		l.first, l.begun = page, true
	}
	l.times[page.Time] = page.Taken
	l.pages.add(pageRead{offset: offset, limit: limit, sessions: page.Sessions, fresh: fresh})
	return page, nil
}

// rest reads the pages after the first: side by side as far as it is known how
// many sessions a page has, one by one where that is to be found out. Lists of
// one project that are read at the same time share the pages.
func (l *list) rest(ctx context.Context) error {
	defer l.share.join()()
	for {
		requests := l.next()
		if len(requests) == 0 {
			return l.withinBounds()
		}
		group, groupCtx := errgroup.WithContext(ctx)
		inFlight, ended := 0, make(chan struct{}, len(requests))
		for _, r := range requests {
			for ; inFlight >= l.share.pages(); inFlight-- {
				<-ended
			}
			if !l.goesOn(r.offset) {
				break
			}
			inFlight++
			group.Go(func() error {
				defer func() { ended <- struct{}{} }()
				if !l.goesOn(r.offset) {
					return nil
				}
				_, err := l.part(groupCtx, r.offset, r.limit, false)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
}

// next returns the pages to read now, nil at the list's end.
func (l *list) next() []request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pages.next(l.first.Count, l.sessions.Len(), &l.profile)
}

// goesOn reports whether the page at an offset may hold anything new.
func (l *list) goesOn(offset int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pages.goesOn(offset) && l.sessions.Len() <= maxSessions
}

// withinBounds returns an error if the list has no end.
func (l *list) withinBounds() error {
	switch {
	case l.sessions.Len() > maxSessions:
		return l.failed(fmt.Sprintf("the list has no end: more than %d sessions", maxSessions))
	case l.pages.endless(l.first.Count, int64(l.sessions.Len())):
		return l.failed(fmt.Sprintf("the list has no end: the API counts %d sessions, and has listed %d so far", l.first.Count, l.sessions.Len()))
	case len(l.pages.read) >= maxPages:
		return l.failed(fmt.Sprintf("the list has no end: more than %d pages", maxPages))
	}
	return nil
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
