package dcsapi

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// maxInFlight bounds the unanswered requests with one key: if it is revoked,
	// all of them are refused, and the vendor locks a key after five refusals in
	// a row.
	maxInFlight = 4
	// slowAfter is how long a response may take before one more request may be
	// sent. A request counts as accepted when one is that was sent so much later:
	// requests that hang do not hold up the others for long.
	slowAfter = 250 * time.Millisecond
)

// target is what a request is about, from the general to the specific: endpoint,
// project, instance, node.
type target [4]string

// common returns how many leading elements two targets have in common.
func (t target) common(other target) (n int) {
	for n < len(t) && t[n] == other[n] {
		n++
	}
	return n
}

// waiter is a request that waits to be sent.
type waiter struct {
	target target
	turn   chan struct{} // has an element when it must look again
}

// withWindow waits until the window of requests in flight has room for another
// one with the same key.
func (c *Client) withWindow(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		started, err := r.permit.start(ctx, target{c.options.Endpoint, r.projectID, r.path, r.query["node_id"] + r.body})
		switch {
		case err != nil:
			return err
		case !started || c.throttle.remaining() > 0:
			return errStartOver
		}
		if r.permit.probe {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, r.breaker.probeTimeout)
			defer cancel()
		}
		c.inFlight.Add(1)
		defer c.inFlight.Add(-1)
		return next(ctx, r)
	}
}

// start waits until the request may be sent, and reports whether it may: not if
// its key was refused meanwhile.
func (p *permit) start(ctx context.Context, about target) (started bool, err *Error) {
	b := p.breaker
	p.target = about
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !p.stillAllowed():
		return false, nil
	case p.probe, len(b.queue) == 0 && b.untilRoom() <= 0:
		b.begin(p)
		return true, nil
	}
	me := &waiter{about, make(chan struct{}, 1)}
	b.queue = append(b.queue, me)
	defer func() {
		b.queue = slices.DeleteFunc(b.queue, func(w *waiter) bool { return w == me })
		b.wakeNext()
	}()
	for p.stillAllowed() {
		left := openPeriod // until its turn
		if b.next() == me {
			if left = b.untilRoom(); left <= 0 {
				b.begin(p)
				return true, nil
			}
		}
		b.mu.Unlock()
		ended := wait(ctx, me.turn, left)
		b.mu.Lock()
		if ended != nil {
			return false, notSent(ended, errKeyBusy)
		}
	}
	return false, nil
}

// allowed reports whether the request may still be sent.
func (p *permit) allowed() bool {
	p.breaker.mu.Lock()
	defer p.breaker.mu.Unlock()
	return p.stillAllowed()
}

// stillAllowed reports whether no refusal has come since the permit was
// acquired; p.breaker.mu must be held.
func (p *permit) stillAllowed() bool {
	return p.breaker.closed || (p.probe && !time.Now().Before(p.breaker.openUntil))
}

// next returns the waiter whose turn it is: the first one, or while requests
// hang, the first of those that have least in common with them. b.mu must be
// held.
func (b *breaker) next() *waiter {
	if len(b.inFlight) < b.window {
		return b.queue[0]
	}
	return slices.MinFunc(b.queue, func(x, y *waiter) int { return cmp.Compare(b.common(x), b.common(y)) })
}

// common returns how much a waiter's target has in common with those of the
// requests in flight, at most; b.mu must be held.
func (b *breaker) common(w *waiter) (n int) {
	for _, p := range b.inFlight {
		n = max(n, w.target.common(p.target))
	}
	return n
}

// untilRoom returns how long no further request may be sent, unless one is
// answered; b.mu must be held. While nothing is answered at all, one request
// follows the other, in case that not all of them hang: so more than
// maxInFlight + 1 may be refused if a refusal takes longer than maxPatience.
func (b *breaker) untilRoom() time.Duration {
	n := len(b.inFlight)
	switch {
	case n < b.window:
		return 0
	case n == b.window:
		return slowAfter - time.Since(b.inFlight[n-1].sent)
	default:
		return maxPatience - time.Since(b.inFlight[n-1].sent)
	}
}

// begin records that a request is being sent; b.mu must be held.
func (b *breaker) begin(p *permit) {
	p.sent = time.Now()
	b.inFlight = append(b.inFlight, p)
}

// settle removes a request from the window: it is known whether its key was
// accepted, or it was cancelled. b.mu must be held.
func (b *breaker) settle(p *permit, accepted bool) {
	before := len(b.inFlight)
	b.inFlight = slices.DeleteFunc(b.inFlight, func(o *permit) bool {
		return o == p || (accepted && p.sent.Sub(o.sent) >= slowAfter)
	})
	if len(b.inFlight) < before {
		b.wakeNext()
	}
}

// wakeNext lets the waiter whose turn it is look again; b.mu must be held.
func (b *breaker) wakeNext() {
	if len(b.queue) > 0 {
		b.next().wake()
	}
}

// wake lets the waiter look again. It does not block.
func (w *waiter) wake() {
	select {
	case w.turn <- struct{}{}:
	default:
	}
}
