package reader

import (
	"context"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// turn is somebody's turn with a node: either a reading, which scrapes join while
// it is under way, or a scan on its own, which nobody joins.
type turn struct {
	aggregate *aggregate.Options // how a reading adds sessions up; nil for a scan
	cancel    context.CancelCauseFunc
	done      chan struct{} // closed at the end
	out       Reading       // then

	// The node's mutex must be held.
	waiters int       // 0 once it was cancelled
	until   time.Time // the latest deadline of the waiters
}

// resultGrace is how long after its deadline a scrape still takes a result: the
// reading ends then too, and its error says more than that of the scrape.
const resultGrace = 50 * time.Millisecond

// Read reads a node, or waits for a reading that is under way. It returns when the
// context is cancelled, and at most 50ms after its deadline: the reading ends then
// as well, and says more. A Reading that has not ended by then has an Err with
// dcsapi.ReasonTimeout. The reading goes on while others wait for it, for
// Options.Timeout at most, and is cancelled when nobody does.
func (r *Reader) Read(ctx context.Context, q Request) Reading {
	start := time.Now()
	n := r.nodes.get(q.InstanceID, q.NodeID)
	for {
		t, mine := r.join(ctx, n, q)
		if t.aggregate != r.options.Aggregate { // of no use to this scrape: its turn comes next
			select {
			case <-t.done:
				continue
			case <-ctx.Done():
				q.OnScanned()
				return n.timedOut(ctx, start)
			}
		}
		if !mine {
			dcsapi.TraceOf(ctx).Step(q.NodeID, "another scrape is reading the node: its reading is shared, its requests are not listed here")
			q.OnScanned()
		}
		return n.await(ctx, t, start)
	}
}

// join joins the reading under way or begins one, which is the caller's own then.
// If what is under way cannot be joined, join returns it with other options than
// the reader's.
func (r *Reader) join(ctx context.Context, n *node, q Request) (t *turn, mine bool) {
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(r.options.Timeout)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if t = n.turn; t != nil {
		if t.aggregate != r.options.Aggregate || t.waiters == 0 {
			return &turn{done: t.done}, false
		}
		t.waiters++
		if until.After(t.until) {
			t.until = until
		}
		return t, false
	}
	t = n.begin(&turn{aggregate: r.options.Aggregate, waiters: 1, until: until})
	reading, stop := context.WithTimeout(dcsapi.WithTrace(context.Background(), dcsapi.TraceOf(ctx)), r.options.Timeout)
	reading, t.cancel = context.WithCancelCause(dcsapi.WithSendBy(reading, func() time.Time {
		n.mu.Lock()
		defer n.mu.Unlock()
		return t.until
	}))
	go func() {
		defer stop()
		t.out = r.readNode(reading, n, q)
		n.end(t, !dcsapi.IsUnsent(t.out.Err))
	}()
	return t, true
}

// begin gives the node to a turn. n.mu must be held.
func (n *node) begin(t *turn) *turn {
	t.done = make(chan struct{})
	n.turn = t
	p := *n.plan.Load()
	p.InProgress = true
	n.plan.Store(&p)
	return t
}

// end ends a turn. read reports whether the API was asked for the node's list.
func (n *node) end(t *turn, read bool) {
	n.publish(read)
	n.mu.Lock()
	n.turn = nil
	n.mu.Unlock()
	if t.cancel != nil {
		t.cancel(nil)
	}
	close(t.done)
}

// await waits for the result of a reading that was joined, and leaves it.
func (n *node) await(ctx context.Context, t *turn, start time.Time) Reading {
	select {
	case <-t.done:
		return t.out
	case <-ctx.Done():
	}
	n.mu.Lock()
	if t.waiters--; t.waiters == 0 {
		t.cancel(ctx.Err())
	}
	n.mu.Unlock()
	if ctx.Err() == context.DeadlineExceeded {
		timer := time.NewTimer(resultGrace)
		defer timer.Stop()
		select {
		case <-t.done:
			return t.out
		case <-timer.C:
		}
	}
	return n.timedOut(ctx, start)
}

// timedOut is what a scrape has of a node whose reading goes on without it.
func (n *node) timedOut(ctx context.Context, start time.Time) Reading {
	message := "it was still being read at the scrape's deadline"
	if ctx.Err() == context.Canceled {
		message = "the scrape was cancelled: the caller disconnected"
	}
	return Reading{Err: n.fails("read node", dcsapi.ReasonTimeout, message), Took: time.Since(start)}
}

// fails returns an error of something that was to be done with the node, such as
// "scan sessions of node".
func (n *node) fails(what string, reason dcsapi.Reason, message string) *dcsapi.Error {
	return &dcsapi.Error{Op: what + " " + n.id + " of instance " + n.instanceID, Reason: reason, Message: message}
}

// takeTurn waits until nobody reads or scans the node, and begins a turn that
// nobody joins.
func (n *node) takeTurn(ctx context.Context) (*turn, error) {
	for {
		n.mu.Lock()
		if n.turn == nil {
			defer n.mu.Unlock()
			return n.begin(new(turn)), nil
		}
		done := n.turn.done
		n.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			e := n.fails("scan sessions of node", dcsapi.ReasonTimeout, "a scrape has been reading the node all the time")
			e.Err = ctx.Err()
			return nil, e
		}
	}
}
