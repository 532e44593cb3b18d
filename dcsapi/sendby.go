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
