package dcsapi

import (
	"context"
	"time"
)

type sendByKey struct{}

// WithSendBy returns a context whose requests are to be sent by a time: they do
// not wait longer than that for the rate limit or the end of a hold-off, although
// the context may end later. until is called whenever a request begins to wait,
// and must be safe for concurrent use.
func WithSendBy(ctx context.Context, until func() time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, until)
}

// sendBy returns the time by which a request must be sent, if there is one.
func sendBy(ctx context.Context) (until time.Time, ok bool) {
	until, ok = ctx.Deadline()
	if f, there := ctx.Value(sendByKey{}).(func() time.Time); there {
		if t := f(); !ok || t.Before(until) {
			return t, true
		}
	}
	return until, ok
}

// waitForRate waits until the rate limit lets a request pass.
func (c *Client) waitForRate(ctx context.Context) error {
	wait := ctx
	if until, ok := sendBy(ctx); ok {
		limited, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		wait = limited
	}
	err := c.pace.Wait(wait)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
