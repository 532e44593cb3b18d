package dcsapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	throttleHoldMin = time.Second
	throttleHoldMax = maxRetryAfter
)

// throttle holds off all requests of a project after the API has throttled
// one of them: for as long as the API asks, else for a growing time. The zero
// value is ready.
type throttle struct {
	mu     sync.Mutex
	until  time.Time
	streak int // hold-offs in a row without a success between them
	epoch  int // counts hold-offs
}

// wait returns when no hold-off is in force, with the epoch to hand to
// done. It does not wait for one that outlasts the context.
func (t *throttle) wait(ctx context.Context) (epoch int, err error) {
	for {
		t.mu.Lock()
		left, epoch := time.Until(t.until), t.epoch
		t.mu.Unlock()
		if left <= 0 {
			return epoch, nil
		}
		if !sleep(ctx, left) {
			return 0, heldOff(left)
		}
	}
}

// heldOff returns why a request is not sent while a hold-off has some time left.
func heldOff(left time.Duration) *Error {
	return &Error{
		Reason:  ReasonThrottled,
		Message: fmt.Sprintf("the API throttles this project; its requests are held off for another %s", left.Round(time.Millisecond)),
	}
}

// left returns how long the hold-off is still in force, 0 for not.
func (t *throttle) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, time.Until(t.until))
}

// done takes note of how a request that was sent in epoch ended, and tells
// whether a new hold-off has begun. Requests that were under way together count
// as one.
func (t *throttle) done(epoch int, err *Error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || err.Reason != ReasonThrottled {
		if err == nil && epoch == t.epoch {
			t.streak = 0
		}
		return false
	}
	begins := epoch == t.epoch
	hold := err.RetryAfter
	if hold == 0 {
		if !begins {
			return false
		}
		hold = min(throttleHoldMin<<min(t.streak, 20), throttleHoldMax)
		hold = hold/2 + rand.N(hold/2) // so that several exporters do not come back together
	}
	if begins {
		t.epoch++
		t.streak++
	}
	if until := time.Now().Add(hold); until.After(t.until) {
		t.until = until
	}
	return begins
}

// sleep waits for d and tells whether it did: it does not begin if the context
// would end first, and ends with the context.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := sendBy(ctx); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// endsWithin tells whether the hold-off ends before the context does.
func (t *throttle) endsWithin(ctx context.Context) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	deadline, ok := sendBy(ctx)
	return !ok || t.until.Before(deadline)
}
