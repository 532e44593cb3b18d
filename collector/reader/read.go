package reader

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

const (
	pollMin = 100 * time.Millisecond
	pollMax = time.Second
)

// readNode scans the node if that is due, waits for the new list and reads it. It
// must be the node's turn.
func (r *Reader) readNode(ctx context.Context, n *node, q Request) (out Reading) {
	start := time.Now()
	defer func() { out.Took = time.Since(start) }()
	scanned := sync.OnceFunc(q.OnScanned)
	defer scanned()
	n.timeout = q.IdleTimeout
	own := *r
	own.api = countingAPI{r.api, q.OnRequest}
	r = &own

	_, coming := r.scan(ctx, n, q.ScanBy)
	scanned()
	if dcsapi.IsUnsent(n.scanError) && n.listTime == "" {
		out.Err = n.scanError // there is no list to read
		return out
	}
	// Lists are read once the other nodes' scans have been sent: a node that is
	// yet to be scanned has more to do.
	until := time.Now().Add(q.Wait)
	if q.ScanBy.Before(until) {
		until = q.ScanBy
	}
	waitUntil(ctx, q.ReadFrom, until)
	n.trace(ctx, "the scans of the other nodes are waited for no longer")
	var begun *list
	if coming {
		begun = r.awaitNewList(ctx, n, until)
		n.trace(ctx, "the new list is waited for no longer")
	}
	out.Snapshot, out.Err = r.list(ctx, n, begun)
	out.Err = n.explain(out.Err)
	if out.Err != nil && dcsapi.ReasonOf(out.Err) == dcsapi.ReasonBusy && n.usable(r.options) {
		out.Snapshot, out.Warnings, out.Err = n.last, []error{out.Err}, nil
	}
	if out.Err == nil {
		out.Warnings = append(out.Warnings, n.warnings()...)
	}
	out.Churn = n.churn.Churn
	n.traceVerdict(ctx, &out)
	return out
}

// waitUntil returns when done is closed, at the given time or at the end of the
// context.
func waitUntil(ctx context.Context, done <-chan struct{}, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// knowsList reports whether seen is the time of the list that the API has, unless
// somebody else has scanned the node.
func (n *node) knowsList() bool { return n.listTime != "" && !n.scanUnconfirmed }

// awaitNewList polls until the new list has come, and returns it with its first
// page read; or nil when the time is over, or if something else is wrong that
// reading the list will show.
func (r *Reader) awaitNewList(ctx context.Context, n *node, until time.Time) *list {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if !pause(ctx, pollMin) {
		return nil
	}
	// Most lists are there by now: ask for all that one page holds.
	l := r.newList(n)
	page, err := l.page(ctx, 0, true)
	switch {
	case err == nil && page.Taken.IsZero():
		<-ctx.Done() // no page tells a new list from an old one
	case err == nil && page.Time != n.listTime:
		return l
	case notYet(err):
		r.poll(ctx, n, n.listTime, until)
	}
	return nil
}

// poll returns when the node's list has another time than before or cannot be
// read, at the given time or at the end of the context.
func (r *Reader) poll(ctx context.Context, n *node, before string, until time.Time) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for wait := pollMin; pause(ctx, wait); wait = min(2*wait, pollMax) {
		page, err := r.api.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: n.instanceID, NodeID: n.id, Limit: 1, NoRetry: true}, nil)
		if (err == nil && page.Time != before) || !notYet(err) {
			return
		}
	}
}

// pause waits, and reports whether it did: not if the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// notYet reports whether the answer to a poll is that of a node whose scan is not
// done.
func notYet(err error) bool {
	if err == nil {
		return true
	}
	e, ok := errors.AsType[*dcsapi.Error](err)
	return ok && (e.Reason == dcsapi.ReasonBusy || e.Status == http.StatusInternalServerError)
}

// list reads the list that the API has now, or returns the numbers of the last one
// if it is the same.
func (r *Reader) list(ctx context.Context, n *node, begun *list) (*aggregate.Snapshot, error) {
	var first dcsapi.Page
	l, err := readList(ctx, begun,
		func() *list { return r.newList(n) },
		func(p dcsapi.Page) bool {
			first = p
			return n.last != nil && n.lastOptions == r.options.Aggregate && !p.Taken.IsZero() && p.Time == n.lastTime
		},
		func() {
			n.trace(ctx, "the pages do not fit together: the list changed while it was read")
			r.onTorn()
		})
	if err != nil {
		if l != nil && dcsapi.ReasonOf(err) == dcsapi.ReasonTimeout {
			n.lastPages = max(n.lastPages, l.pages.expected(l.first.Count)) // for the next scrape's plan
		}
		return nil, err
	}
	now := time.Now()
	n.scanUnconfirmed = n.scanUnconfirmed && first.Time == n.listTime
	n.listTime = first.Time
	if l == nil {
		n.trace(ctx, "the list is the one that was read before: its numbers are used again")
	}
	if l != nil {
		n.trace(ctx, "list read: pages %d, sessions %d, %d by the API's count", len(l.pages.read), l.sessions.Len(), l.first.Count)
		taken := l.oldest()
		n.churn.Observe(l.sessions, taken, now)
		n.last, n.lastOptions, n.lastTime, n.lastPages = l.agg.Snapshot(&n.top, now), r.options.Aggregate, first.Time, len(l.pages.read)
		n.last.Taken = taken
		n.last.Reported = first.Count
		n.lost = l.pages.lost
		n.habits = l.profile.learn(&l.pages, l.first.Count, l.sessions.Len(), now)
	}
	n.lastRead, n.lastAge, n.lastClock = now, 0, ownClock
	if !first.Date.IsZero() {
		now, n.lastClock = first.Date, serverClock
	}
	if !first.Taken.IsZero() {
		n.lastAge = now.Sub(n.last.Taken)
	}
	if !n.usable(r.options) {
		return nil, n.stale(r.options)
	}
	return n.last, nil
}

// maxAhead is how far the time of a list may be ahead of the clock that its age is
// measured by: clocks differ a little.
const maxAhead = 2 * time.Minute

// The clocks that the age of a list is measured by.
const (
	serverClock = "the clock of the API (the answer's Date header)"
	ownClock    = "the clock of this machine (the answer has no Date header)"
)

// usable reports whether the last list has been read with the reader's options and
// is neither too old nor from the future. Lists without a time are always
// accepted, and so is every list if any age is allowed.
func (n *node) usable(o *Options) bool {
	if n.last == nil || n.lastOptions != o.Aggregate {
		return false
	}
	if o.MaxSnapshotAge == 0 || n.last.Taken.IsZero() {
		return true
	}
	return n.lastAge >= -maxAhead && max(0, n.lastAge)+time.Since(n.lastRead) <= o.MaxSnapshotAge
}
