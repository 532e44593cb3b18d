package collector

import (
	"context"
	"errors"
	"time"

	"dcs_session_exporter/dcsapi"
)

// flight is one reading of a node, which all scrapes wait for that want it
// meanwhile.
type flight struct {
	aggregate *AggregateOptions // how sessions are added up
	ctx       *shared
	done      chan struct{} // closed when it has ended
	out       reading       // then
}

// lateness is how long after its deadline a scrape still takes what comes: the
// reading ends at the same time, and tells better than the scrape why.
const lateness = 50 * time.Millisecond

// read returns what is found on a node. It begins to read it, or waits for the
// reading under way; it returns at the end of the context at the latest.
func (r *nodeReader) read(ctx context.Context, n *node) reading {
	start := time.Now()
	until, ok := ctx.Deadline()
	if !ok {
		until = start.Add(r.options.Timeout)
	}
	for {
		f, mine := n.join(r, until)
		if f == nil { // one under way is of no use to this scrape: its turn first
			select {
			case <-n.landed():
				continue
			case <-ctx.Done():
				r.scans.pass()
				return n.timedOut(ctx, start)
			}
		}
		if !mine {
			r.scans.pass()
		}
		out, ended := f.wait(ctx)
		if !ended {
			return n.timedOut(ctx, start)
		}
		return out
	}
}

// timedOut is what a scrape has of a node whose reading goes on without it.
func (n *node) timedOut(ctx context.Context, start time.Time) reading {
	e := &dcsapi.Error{
		Op: "read node " + n.id + " of instance " + n.instanceID, Reason: dcsapi.ReasonTimeout,
		Message: "it was still being read at the scrape's deadline",
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		e.Message = "the scrape was given up"
	}
	return reading{err: e, took: time.Since(start)}
}

// join joins the flight under way or starts one, which is the reader's own
// then. It returns nil if the one under way is of no use: it adds up
// differently, or is at its end.
func (n *node) join(r *nodeReader, until time.Time) (f *flight, mine bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.flight; f != nil {
		if f.aggregate != r.options.Aggregate || !f.ctx.join(until) {
			return nil, false
		}
		return f, false
	}
	f = &flight{aggregate: r.options.Aggregate, ctx: newShared(), done: make(chan struct{})}
	f.ctx.join(until)
	n.flight = f
	go func() {
		f.out = r.readNode(f.ctx, n)
		n.mu.Lock()
		n.flight = nil
		n.plan = n.planned(f.out.err)
		n.mu.Unlock()
		close(f.done)
	}()
	return f, true
}

// landed returns what is closed when the flight under way has ended.
func (n *node) landed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.flight == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return n.flight.done
}

// wait returns the result, or false if there is none at the end of the
// context. Who waits has joined the flight, and leaves it here.
func (f *flight) wait(ctx context.Context) (reading, bool) {
	defer f.ctx.leave()
	select {
	case <-f.done:
		return f.out, true
	case <-ctx.Done():
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return reading{}, false
	}
	timer := time.NewTimer(lateness)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.out, true
	case <-timer.C:
		return reading{}, false
	}
}
