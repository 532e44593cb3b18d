package dcsapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// minRate is the share of the configured rate that throttling leaves.
	minRate = 1.0 / 16
	// recoveryStep is the share of the configured rate by which each success
	// raises the rate after throttling.
	recoveryStep = 1.0 / 200
)

// adaptiveLimiter is a token bucket that adapts to what the API tolerates: its
// rate is halved each time that the API throttles the project, and rises with
// each success until it is the configured one again.
type adaptiveLimiter struct {
	*rate.Limiter
	configured rate.Limit
	burst      int

	mu sync.Mutex // held while the rate changes
}

// newAdaptiveLimiter returns a limiter of so many requests per second.
func newAdaptiveLimiter(perSecond float64) *adaptiveLimiter {
	burst := max(1, int(perSecond))
	return &adaptiveLimiter{Limiter: rate.NewLimiter(rate.Limit(perSecond), burst), configured: rate.Limit(perSecond), burst: burst}
}

// slowDown halves the rate, and allows no bursts until it has recovered.
func (l *adaptiveLimiter) slowDown() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.SetLimit(max(l.configured*minRate, l.Limit()/2))
	l.SetBurst(1)
}

// speedUp raises the rate by a step, unless it is the configured one.
func (l *adaptiveLimiter) speedUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Limit() == l.configured {
		return
	}
	l.SetLimit(min(l.configured, l.Limit()+l.configured*recoveryStep))
	if l.Limit() == l.configured {
		l.SetBurst(l.burst)
	}
}

// withRateLimit waits for a token of the rate limit.
func (c *Client) withRateLimit(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		start := time.Now()
		err := c.waitForToken(ctx)
		r.traced.Rate = time.Since(start)
		switch {
		case err == nil:
			return next(ctx, r)
		case errors.Is(err, context.DeadlineExceeded):
			return notSent(err, errTooLate)
		default:
			return notSent(err, errNoToken)
		}
	}
}

// waitForToken waits for a token of the rate limit, and reports the wait. It
// returns at once if there is none before the deadline.
func (c *Client) waitForToken(ctx context.Context) error {
	start := time.Now()
	defer func() { c.options.Observer.RateLimited(time.Since(start)) }()
	wait := ctx
	if until, ok := sendBy(ctx); ok {
		limited, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		wait = limited
	}
	err := c.limiter.Wait(wait)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
