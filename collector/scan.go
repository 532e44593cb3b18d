package collector

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

// seenThrough is how long the answer to a scan that was sent is waited for at
// least, even if nobody waits for the node any more.
const seenThrough = 5 * time.Second

// ScanOptions say when new session lists are asked for.
type ScanOptions struct {
	Off         bool          // never: somebody else scans
	MinInterval time.Duration // a node is not scanned more often, from start to start
	Wait        time.Duration // how long a scrape waits for the new list
}

// due reports whether a node that was scanned last at a time, zero for never,
// is to be scanned.
func (o *ScanOptions) due(last time.Time) bool {
	return !o.Off && (last.IsZero() || time.Since(last) >= o.MinInterval)
}

// pendingScan is a scan that was asked for.
type pendingScan struct {
	before time.Time     // when the node was scanned before
	done   chan struct{} // closed when the request has ended
	err    error         // then
}

// scan asks for a new list if that is due. asked reports whether it did,
// coming whether a new list may be under way. It returns at the given time at
// the latest; a scan that was sent goes on, and the next call learns how it
// ended. What fails is remembered until the next scan: the lists read meanwhile
// are older for it.
func (r *nodeReader) scan(ctx context.Context, n *node, until time.Time) (asked, coming bool) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if n.pending != nil {
		if coming = n.settle(ctx); n.pending != nil {
			return false, false
		}
	}
	if !r.options.Scan.due(n.scanned) {
		return false, coming
	}
	if !n.knowsList() {
		page, err := r.api.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: n.instanceID, NodeID: n.id, Limit: 1, Once: true}, nil)
		if err == nil {
			n.seen = page.Time
			if age, known := ageByServer(page); known && n.scanned.IsZero() && age < r.options.Scan.MinInterval {
				n.scanned = time.Now().Add(-age) // before a restart, or by somebody else
				return false, false
			}
		}
	}
	n.pending = r.sendScan(ctx, n)
	return true, n.settle(ctx)
}

// ageByServer returns how old a list is by the clock of the server alone, and
// whether that is known.
func ageByServer(p dcsapi.Page) (age time.Duration, known bool) {
	if p.Taken.IsZero() || p.Date.IsZero() {
		return 0, false
	}
	age = p.Date.Sub(p.Taken)
	return max(0, age), age >= -maxAhead
}

// sendScan sends a scan. Until it is sent it ends with the context.
func (r *nodeReader) sendScan(ctx context.Context, n *node) *pendingScan {
	p := &pendingScan{before: n.scanned, done: make(chan struct{})}
	n.scanned, n.awaited = time.Now(), true
	go func() {
		defer close(p.done)
		ctx, cancel := newSending(ctx)
		defer cancel()
		_, p.err = r.api.ScanClients(ctx, n.instanceID, n.id)
	}()
	return p
}

// settle waits until the scan that was asked for is answered, and takes note
// of the answer. It reports whether a new list may be under way. If there is no
// answer when the context ends, the scan stays pending.
func (n *node) settle(ctx context.Context) bool {
	p := n.pending
	select {
	case <-p.done:
	case <-ctx.Done():
		timer := time.NewTimer(lateness) // one that was not sent ends now
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			n.scanError = &dcsapi.Error{
				Op: "scan sessions of node " + n.id + " of instance " + n.instanceID, Reason: dcsapi.ReasonTimeout,
				Message: "the scan was sent and is not answered yet",
			}
			return false
		}
	}
	n.pending = nil
	err := p.err
	if dcsapi.ReasonOf(err) == dcsapi.ReasonBusy {
		err = nil // one is running
	}
	n.scanError = err
	switch reason := dcsapi.ReasonOf(err); {
	case dcsapi.Unsent(err), reason == dcsapi.ReasonThrottled, reason == dcsapi.ReasonAuth:
		n.scanned = p.before // it did not get as far as the node: the next scrape may try again
	}
	return err == nil
}

// sending is the context of a request that is seen through once it is sent:
// before that it ends with another context, after that at its own deadline.
type sending struct {
	context.Context
	before context.Context
	sent   atomic.Bool
}

// newSending returns the context of a request that is not sent yet.
func newSending(before context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(seenThrough)
	if deadline, ok := before.Deadline(); ok && deadline.After(until) {
		until = deadline
	}
	own, cancel := context.WithDeadline(context.WithoutCancel(before), until)
	s := &sending{Context: own, before: before}
	stop := context.AfterFunc(before, cancel)
	return httptrace.WithClientTrace(s, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { s.sent.Store(stop() || s.sent.Load()) },
	}), cancel
}

// Deadline implements context.Context: what the request may wait for until it
// is sent depends on who waits for it.
func (s *sending) Deadline() (time.Time, bool) {
	if s.sent.Load() {
		return s.Context.Deadline()
	}
	return s.before.Deadline()
}
