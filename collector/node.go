package collector

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

const (
	pollMin = 100 * time.Millisecond
	pollMax = time.Second
)

// node is what is remembered of a node from one scrape to the next. What
// follows the flight belongs to the one under way.
type node struct {
	lastListed
	instanceID string
	id         string
	failing    atomic.Bool // the last scrape could not read it: for the log

	mu     sync.Mutex
	flight *flight // under way, nil if none is
	plan   plan
	warned []dcsapi.Reason // of the warnings in the last scrape: for the log

	scanned   time.Time    // when the last scan was started, by our clock
	pending   *pendingScan // the last scan, if it was not answered when somebody looked last
	scanError error        // how it failed, nil if it did not
	seen      string       // the `time` of the list that the API gave last, "" if none
	awaited   bool         // a scan was sent since, and no newer list was seen: it may have come
	last      *Snapshot    // the last list that was read whole
	lastAs    *AggregateOptions
	lastTime  string        // its `time`
	lastAge   time.Duration // negative if its time is ahead of the clock
	lastClock string        // by which it was lastAge old
	lastRead  time.Time     // when, by our clock, it was lastAge old
	lastSize  int           // how many pages it had
	lost      int           // how many of its sessions could not be read
	habits    listHabits
	top       topLists
	churn     churn
}

func newNode(instanceID, id string) *node { return &node{instanceID: instanceID, id: id} }

// reading is what one scrape has of a node.
type reading struct {
	snapshot *Snapshot
	churn    Churn   // with a snapshot
	err      error   // why there is no snapshot
	warnings []error // what went wrong although there is one
	took     time.Duration
	left     bool // it was not the node's turn in this scrape
}

// nodeReader reads the nodes of one project in one scrape.
type nodeReader struct {
	api     API
	share   *pageShare
	options *Options
	onTorn  func()

	scans     *gate   // opens when the scans that are due have been sent
	scanShare float64 // the part of the scrape's time within which they are
}

// readNode scans the node if that is due, waits for the new list and reads it.
func (r *nodeReader) readNode(ctx context.Context, n *node) (out reading) {
	start := time.Now()
	defer func() { out.took = time.Since(start) }()
	sent := sync.OnceFunc(r.scans.pass)
	defer sent()

	waitUntil := earlier(shareOf(ctx, waitShare), start.Add(r.options.Timeout))
	_, coming := r.scan(ctx, n, shareOf(ctx, r.scanShare))
	sent()
	if dcsapi.Unsent(n.scanError) && n.seen == "" {
		out.err = n.scanError // there is no list to read
		return out
	}
	// Lists are read when the other nodes' scans have been sent, too: a node that
	// is yet to be scanned has the longer way.
	until := earlier(time.Now().Add(r.options.Scan.Wait), waitUntil)
	r.scans.wait(ctx, until)
	var begun *list
	if coming {
		begun = r.await(ctx, n, until)
	}
	out.snapshot, out.err = r.list(ctx, n, begun)
	out.err = n.explain(out.err)
	if out.err != nil && dcsapi.ReasonOf(out.err) == dcsapi.ReasonBusy && n.usable(r.options) {
		out.snapshot, out.warnings, out.err = n.last, []error{out.err}, nil
	}
	if out.err == nil {
		out.warnings = append(out.warnings, n.warnings()...)
	}
	out.churn = n.churn.Churn
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// knowsList tells whether seen is the time of the list that the API has, unless
// somebody else had a new one taken.
func (n *node) knowsList() bool { return n.seen != "" && !n.awaited }

// await polls until the new list has come, and returns it with its first page
// read, or nil when the time to wait is over or something else is wrong that
// reading the list will show.
func (r *nodeReader) await(ctx context.Context, n *node, until time.Time) *list {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for pause := pollMin; ; pause = min(2*pause, pollMax) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		if pause == pollMin {
			// Most lists are there by now: ask for all that one page holds.
			l := r.newList(n)
			page, err := l.page(ctx, 0, true)
			switch {
			case err == nil && page.Taken.IsZero():
				<-ctx.Done() // no page tells a new list from an old one
				return nil
			case err == nil && page.Time != n.seen:
				return l
			case !notYet(err):
				return nil
			}
			continue
		}
		page, err := r.api.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: n.instanceID, NodeID: n.id, Limit: 1, Once: true}, nil)
		if (err == nil && page.Time != n.seen) || !notYet(err) {
			return nil
		}
	}
}

// notYet tells whether the answer to a poll is what a node says whose scan is
// not done.
func notYet(err error) bool {
	if err == nil {
		return true
	}
	e, ok := errors.AsType[*dcsapi.Error](err)
	return ok && (e.Reason == dcsapi.ReasonBusy || e.Status == http.StatusInternalServerError)
}

// list reads the list that the API has now, or takes the numbers of the one
// before if it is the same.
func (r *nodeReader) list(ctx context.Context, n *node, begun *list) (*Snapshot, error) {
	var first dcsapi.Page
	l, err := readList(ctx, begun,
		func() *list { return r.newList(n) },
		func(p dcsapi.Page) bool {
			first = p
			return n.last != nil && n.lastAs == r.options.Aggregate && !p.Taken.IsZero() && p.Time == n.lastTime
		},
		r.onTorn)
	if err != nil {
		if l != nil && dcsapi.ReasonOf(err) == dcsapi.ReasonTimeout {
			n.lastSize = max(n.lastSize, l.pages.expected(l.first.Count)) // for the next scrape's plan
		}
		return nil, err
	}
	now := time.Now()
	n.awaited = n.awaited && first.Time == n.seen
	n.seen = first.Time
	if l != nil {
		taken := l.oldest()
		n.churn.observe(l.roster.keys, taken, now)
		n.last, n.lastAs, n.lastTime, n.lastSize = l.agg.snapshot(&n.top, now), r.options.Aggregate, first.Time, len(l.pages.read)
		n.last.Taken = taken
		n.last.Reported = first.Count
		n.lost = l.pages.lost
		n.habits = l.habits.learn(&l.pages, l.first.Count, len(l.roster.keys), now)
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

// maxAhead is how far the time of a list may be ahead of the clock by which its
// age is told: clocks differ a little.
const maxAhead = 2 * time.Minute

// The clocks by which the age of a list is told.
const (
	serverClock = "the clock of the API (the answer's Date header)"
	ownClock    = "the clock of this machine (the answer has no Date header)"
)

// usable reports whether the last list is there, added up as wanted and not
// older than allowed, nor from the future. Lists without a time are always
// accepted, and so is every list where any age is allowed.
func (n *node) usable(o *Options) bool {
	if n.last == nil || n.lastAs != o.Aggregate {
		return false
	}
	if o.MaxSnapshotAge == 0 || n.last.Taken.IsZero() {
		return true
	}
	return n.lastAge >= -maxAhead && max(0, n.lastAge)+time.Since(n.lastRead) <= o.MaxSnapshotAge
}
