package dcsapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	maxAttempts = 3
	backoffMin  = 200 * time.Millisecond
	backoffMax  = 5 * time.Second
)

// withRetries repeats a request with exponential backoff and full jitter until
// it succeeds, fails for good, or has had maxAttempts.
func (c *Client) withRetries(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		for attempt := 1; ; attempt++ {
			err := next(ctx, r)
			if err == nil {
				return nil
			}
			if err.Op == "" {
				err.Op = r.action
			}
			if attempt == maxAttempts || r.noRetry || r.background || !err.retryable() || (r.atMostOnce && !err.unsent) {
				return err
			}
			pause := rand.N(min(backoffMin<<(attempt-1), backoffMax))
			if err.Reason != ReasonThrottled { // else withThrottle waits for it
				pause = max(pause, err.RetryAfter)
			}
			if !sleep(ctx, pause) || (err.Reason == ReasonThrottled && c.throttle.remaining() >= timeLeft(ctx)) {
				return err
			}
		}
	}
}

// retryable reports whether another attempt may succeed: after throttling,
// gateway and server errors, and broken connections. A missed deadline is
// final, and so is a proxy that rejects the password: it may count rejections.
func (e *Error) retryable() bool {
	refused, ok := errors.AsType[*proxyError](e.Err)
	if e.final || e.Status == http.StatusProxyAuthRequired || (ok && refused.status == http.StatusProxyAuthRequired) {
		return false
	}
	switch e.Reason {
	case ReasonThrottled, ReasonServer, ReasonNetwork:
		return true
	default:
		return false
	}
}
