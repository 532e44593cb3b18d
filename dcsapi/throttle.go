package dcsapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	holdOffMin = time.Second
	holdOffMax = maxRetryAfter
)

// throttle holds off all requests of a project after the API has throttled one
// of them, for as long as the API asks, else for a growing time. Responses to
// requests that were sent before the hold-off began belong to an earlier epoch,
// and do not extend it on their own account. The zero value is ready to use.
type throttle struct {
	mu     sync.Mutex
	until  time.Time
	streak int // hold-offs in a row without a success between them
	epoch  int // number of hold-offs so far
}

// withThrottle waits until the project is not held off, starts a request over
// that was overtaken, and adapts the rate limit to the outcome.
func (c *Client) withThrottle(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		for {
			epoch, held := c.throttle.wait(ctx)
			if held != nil {
				return asUnsent(held)
			}
			r.epoch, r.throttled = epoch, false
			err := next(ctx, r)
			if err == errStartOver {
				continue
			}
			switch {
			case r.background:
			case c.throttle.record(epoch, err) || r.throttled:
				c.limiter.slowDown()
			case err == nil:
				c.limiter.speedUp()
			}
			return err
		}
	}
}

// wait returns when no hold-off is in force, with the epoch to pass to record.
// It fails at once if the hold-off outlasts the context.
func (t *throttle) wait(ctx context.Context) (epoch int, held error) {
	for {
		t.mu.Lock()
		remaining, epoch := time.Until(t.until), t.epoch
		t.mu.Unlock()
		if remaining <= 0 {
			return epoch, nil
		}
		if !sleep(ctx, remaining) {
			return 0, throttledFor(remaining)
		}
	}
}

// throttledFor returns the error of a request that is not sent because of a
// hold-off that lasts for some time yet.
func throttledFor(remaining time.Duration) *Error {
	return &Error{
		Reason:  ReasonThrottled,
		Message: fmt.Sprintf("the API throttles this project; its requests are held off for another %s", remaining.Round(time.Millisecond)),
	}
}

// remaining returns how long the hold-off remains in force, 0 if there is none.
func (t *throttle) remaining() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, time.Until(t.until))
}

// record records the outcome of a request that was sent in an epoch, and
// reports whether a new hold-off has begun. Several throttled requests of one
// epoch begin only one.
func (t *throttle) record(epoch int, err *Error) (begins bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || err.Reason != ReasonThrottled {
		if err == nil && epoch == t.epoch {
			t.streak = 0
		}
		return false
	}
	begins = epoch == t.epoch
	hold := err.RetryAfter
	if hold == 0 {
		if !begins {
			return false
		}
		hold = min(holdOffMin<<min(t.streak, 20), holdOffMax)
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
