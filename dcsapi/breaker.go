package dcsapi

import (
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// openPeriod is how long a breaker stays open. The vendor locks a key for as
	// long after five refusals in a row.
	openPeriod = 5 * time.Minute
	// maxProbes is how many probes may be under way: more than one only if those
	// before are slow.
	maxProbes = 3
	// maxPatience is how long a probe is waited for before the next may start.
	maxPatience = 2 * time.Second
	// maxProbeTime is how long a probe may take: one that hangs is cancelled, so
	// that a later one can find that the API responds again.
	maxProbeTime = 10 * time.Second
)

// breaker is the circuit breaker of one key. It is
//
//   - half-open at first, and when an open period is over: one request probes
//     the key, and all others wait for its outcome;
//   - closed once the service has accepted the key: requests pass;
//   - open for openPeriod after a refusal: requests fail at once.
//
// A refusal opens it in any state.
type breaker struct {
	used         time.Time // guarded by the keyring's lock
	probeTimeout time.Duration
	window       int // how many requests may be in flight, see start

	mu sync.Mutex
	breakerState
	probes    int           // that are under way
	probed    time.Time     // when the last of them was let through
	probeDone chan struct{} // closed and replaced when one of them ends

	inFlight []*permit // those that may still be refused, in the order of sending
	queue    []*waiter // those that wait to be sent, in the order of arrival
}

// breakerState is the state of a breaker: open until openUntil, then closed or
// half-open.
type breakerState struct {
	closed    bool
	openUntil time.Time
	refusal   *Error // that opened it last
}

// permit allows one request to be sent. It must be released.
type permit struct {
	breaker  *breaker
	probe    bool          // the breaker was half-open
	previous *breakerState // before the status line was a refusal
	refusal  *Error        // by the status line, nil for none
	target   target
	sent     time.Time // zero if it was not sent
}

// withBreaker waits until the breaker of the request's key lets it pass.
func (c *Client) withBreaker(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		permit, err := r.breaker.acquire(ctx)
		if err != nil {
			return asUnsent(err)
		}
		r.permit = permit
		failed := next(ctx, r)
		permit.release(failed)
		return failed
	}
}

// acquire waits until a request may pass. It fails at once while the breaker is
// open.
func (b *breaker) acquire(ctx context.Context) (*permit, error) {
	// An endpoint that hangs must not keep the key's other projects and nodes
	// waiting to their deadlines.
	patience := min(maxPatience, timeLeft(ctx)/4)
	for {
		b.mu.Lock()
		switch {
		case time.Now().Before(b.openUntil):
			defer b.mu.Unlock()
			return nil, b.openError()
		case b.closed:
			b.mu.Unlock()
			return &permit{breaker: b}, nil
		case b.probes == 0, b.probes < maxProbes && time.Since(b.probed) >= patience:
			b.probes++
			b.probed = time.Now()
			if b.probeDone == nil {
				b.probeDone = make(chan struct{})
			}
			b.mu.Unlock()
			return &permit{breaker: b, probe: true}, nil
		}
		done, left := b.probeDone, patience-time.Since(b.probed)
		if b.probes >= maxProbes {
			left = openPeriod
		}
		b.mu.Unlock()
		if err := wait(ctx, done, left); err != nil {
			return nil, notSent(err, errKeyUnproven)
		}
	}
}

// openError returns the error of a request that is not sent because the breaker
// is open; b.mu must be held.
func (b *breaker) openError() *Error {
	return &Error{
		Reason: ReasonAuth, Held: true,
		Message: "the key was refused; no request is sent with it for another " +
			time.Until(b.openUntil).Round(time.Second).String() + ", so that it does not get locked, unless the credentials change. The refusal was",
		Err: b.refusal,
	}
}

// trip opens the breaker; b.mu must be held.
func (b *breaker) trip(err *Error) {
	refusal := *err // the caller sets Op in err
	b.breakerState = breakerState{openUntil: time.Now().Add(openPeriod), refusal: &refusal}
	for _, w := range b.queue {
		w.wake()
	}
}

// statusReceived records what the status line of a response says, so that a
// refusal counts before the rest has come. status is nil for a success.
func (p *permit) statusReceived(status *Error) {
	b := p.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case status == nil:
		b.settle(p, true)
	case status.Reason == ReasonAuth:
		previous := b.breakerState
		p.previous = &previous
		b.trip(status)
		p.refusal = b.refusal
	}
}

// release records the outcome of the request, nil for a success, and gives the
// permit back. The error of a request that was not sent changes no state.
func (p *permit) release(err *Error) {
	b := p.breaker
	accepted := err == nil || err.provesKey()
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.refusal != nil && p.refusal == b.refusal && err != nil && err.Reason != ReasonAuth {
		b.breakerState = *p.previous // the body shows that it was no refusal
	}
	switch {
	case accepted:
		// A late response to a request from before a refusal proves nothing.
		if p.probe && !time.Now().Before(b.openUntil) {
			b.closed = true
		}
	case err.Reason == ReasonAuth:
		b.trip(err)
	}
	b.settle(p, accepted)
	if p.probe {
		b.probes--
		close(b.probeDone)
		b.probeDone = make(chan struct{})
	}
}

// provesKey reports whether a response shows that the key was accepted: it comes
// from the service behind the gateway, and is not about the key.
func (e *Error) provesKey() bool {
	return strings.HasPrefix(e.Code, "DCS.") && e.Reason != ReasonAuth
}

// remaining returns how long the breaker stays open, 0 if it is not.
func (b *breaker) remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, time.Until(b.openUntil))
}

// isClosed reports whether the key was accepted and has not been refused since.
func (b *breaker) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}
