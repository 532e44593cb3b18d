package dcsapi_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestWhyNotSent checks that a request that was not sent says why: the limits
// are named only if it is for them.
func TestWhyNotSent(t *testing.T) {
	t.Parallel()
	const cancelled, noPlace, noSlot = "cancelled before it was sent", "requests_per_second", "max_concurrent_requests"
	for _, tt := range []struct {
		name   string
		change func(*dcsapi.Options)
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		want   string
	}{
		{"no place", func(o *dcsapi.Options) { o.RequestsPerSecond = 0.5 }, deadlineIn(time.Second), noPlace},
		{"cancelled while it waits for a place", func(o *dcsapi.Options) { o.RequestsPerSecond = 0.5 }, cancelledAfter(100 * time.Millisecond), cancelled},
		{"cancelled before", func(*dcsapi.Options) {}, cancelledAfter(0), cancelled},
		{"too late", func(*dcsapi.Options) {}, deadlineIn(0), "the deadline passed"},
		{"no slot", func(o *dcsapi.Options) { o.MaxConcurrentRequests = 1 }, deadlineIn(200 * time.Millisecond), noSlot},
		{"cancelled while it waits for a slot", func(o *dcsapi.Options) { o.MaxConcurrentRequests = 1 }, cancelledAfter(100 * time.Millisecond), cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newEmulator()
			t.Cleanup(api.Close)
			c := newClient(t, api, func(o *dcsapi.Options) { o.RequestsPerSecond = 1000; tt.change(o) })
			if _, err := c.ScanClients(t.Context(), "instance-1", "node-1"); err != nil { // proves the key
				t.Fatal(err)
			}
			var other sync.WaitGroup
			defer other.Wait()
			if strings.Contains(tt.name, "slot") {
				api.AddFault(emulator.Fault{Delay: time.Second, Times: 1})
				other.Go(func() { _, _ = listOnce(t.Context(), c) })
				time.Sleep(50 * time.Millisecond)
			}
			ctx, cancel := tt.ctx(t.Context())
			defer cancel()
			_, err := listOnce(ctx, c)
			if !dcsapi.IsUnsent(err) || dcsapi.ReasonOf(err) != dcsapi.ReasonTimeout || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// deadlineIn returns a context with a timeout.
func deadlineIn(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

// cancelledAfter returns a context whose owner leaves after a time, long before
// its deadline.
func cancelledAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		if d == 0 {
			cancel()
		} else {
			time.AfterFunc(d, cancel)
		}
		return ctx, cancel
	}
}
