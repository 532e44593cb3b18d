package dcsapi

import (
	"context"
	"math"
	"time"
)

// timeLeft returns how long it is until a request must be sent: practically
// forever if the context says nothing of that.
func timeLeft(ctx context.Context) time.Duration {
	if until, ok := sendBy(ctx); ok {
		return time.Until(until)
	}
	return math.MaxInt64
}

// sleep waits for d and reports whether it did. It returns at once if the
// deadline is nearer, and when the context ends.
func sleep(ctx context.Context, d time.Duration) bool {
	return timeLeft(ctx) > d && wait(ctx, nil, d) == nil
}

// wait returns when something is received from c or d has passed. It returns
// the cause if the context ends first.
func wait(ctx context.Context, c <-chan struct{}, d time.Duration) error {
	select {
	case <-c:
		return nil
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
