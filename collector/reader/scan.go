package reader

import (
	"context"
	"net/http/httptrace"
	"time"

	"dcs_session_exporter/dcsapi"
)

// scanTimeout is how long the answer to a scan that was sent is waited for at
// least, even if nobody waits for the node any more.
const scanTimeout = 5 * time.Second

// ScanOptions configure when nodes are scanned.
type ScanOptions struct {
	Off         bool          // never: somebody else scans
	MinInterval time.Duration // between the starts of two scans of a node
	Wait        time.Duration // how long Scan waits for the new list; Read has Request.Wait
}

// Due reports whether a node that was last scanned at a time, zero for never, is to
// be scanned now. It returns false if Off is set.
func (o *ScanOptions) Due(last time.Time) bool {
	return !o.Off && (last.IsZero() || time.Since(last) >= o.MinInterval)
}

// pendingScan is a scan that was requested.
type pendingScan struct {
	before time.Time     // when the node was scanned before
	done   chan struct{} // closed when the request has ended
	err    error         // then
}

// scan scans the node if that is due. requested reports whether it did, coming
// whether a new list may be under way. It returns at the given time at the latest;
// a scan that was sent goes on, and the next call learns how it ended. An error is
// remembered until the next scan, because the lists read meanwhile are older for
// it.
func (r *Reader) scan(ctx context.Context, n *node, until time.Time) (requested, coming bool) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if n.pending != nil {
		if coming = n.settle(ctx); n.pending != nil {
			return false, false
		}
	}
	if !r.options.Scan.Due(n.scanned) {
		n.traceNoScan(ctx, &r.options.Scan)
		return false, coming
	}
	if !n.knowsList() {
		page, err := r.api.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: n.instanceID, NodeID: n.id, Limit: 1, NoRetry: true}, nil)
		if err == nil {
			n.listTime = page.Time
			if age, known := ageByServer(page); known && n.scanned.IsZero() && age < r.options.Scan.MinInterval {
				n.scanned = time.Now().Add(-age) // before a restart, or by somebody else
				n.traceNoScan(ctx, &r.options.Scan)
				return false, false
			}
		}
	}
	n.pending = r.sendScan(ctx, n)
	coming = n.settle(ctx)
	if coming {
		n.trace(ctx, "scan accepted: a new list is coming")
	} else {
		n.trace(ctx, "scan failed: %v", n.scanError)
	}
	return true, coming
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

// sendScan sends a scan. Until it is sent it ends with ctx; after that it has time
// of its own, because the node is scanned anyway.
func (r *Reader) sendScan(ctx context.Context, n *node) *pendingScan {
	p := &pendingScan{before: n.scanned, done: make(chan struct{})}
	n.scanned, n.scanUnconfirmed = time.Now(), true
	until := time.Now().Add(scanTimeout)
	sendBy, ok := ctx.Deadline()
	if ok && sendBy.After(until) {
		until = sendBy
	}
	scan, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	if ok {
		scan = dcsapi.WithSendBy(scan, func() time.Time { return sendBy })
	}
	stop := context.AfterFunc(ctx, cancel)
	scan = httptrace.WithClientTrace(scan, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { stop() }})
	go func() {
		defer close(p.done)
		defer cancel()
		_, p.err = r.api.ScanClients(scan, n.instanceID, n.id)
	}()
	return p
}

// settle waits for the answer to the scan that was requested, and takes note of
// it. It reports whether a new list may be under way. If there is no answer when
// the context ends, the scan stays pending.
func (n *node) settle(ctx context.Context) bool {
	p := n.pending
	select {
	case <-p.done:
	case <-ctx.Done():
		timer := time.NewTimer(resultGrace) // a scan that was not sent ends now
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			n.scanError = n.fails("scan sessions of node", dcsapi.ReasonTimeout, "the scan was sent and is not answered yet")
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
	case dcsapi.IsUnsent(err), reason == dcsapi.ReasonThrottled, reason == dcsapi.ReasonAuth:
		n.scanned = p.before // it did not reach the node: the next scrape may try again
	}
	return err == nil
}
