package dcsapi

import (
	"context"
	"errors"
	"net/http/httptrace"
	"sync"
	"time"
)

// tries follows how often net/http sends a request: it does so again by itself
// where a connection has ended before the request was taken, such as by an
// HTTP/2 GOAWAY, without a pause and without an end.
type tries struct {
	// again is called before each try but the first, while net/http waits, with
	// how many there were that count. An error ends the request.
	again func(tries int) error
	stop  context.CancelCauseFunc

	mu        sync.Mutex
	wanted    int       // connections that were asked for
	got       int       // connections that there were
	stale     int       // of them such as had been idle: each of those ends once
	connected time.Time // when the last one was there
}

// trace returns what tells of the tries. net/http skips either of the two steps
// sometimes.
func (t *tries) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.step(&t.wanted) },
		GotConn: func(info httptrace.GotConnInfo) {
			t.step(&t.got)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connected = time.Now()
			if info.WasIdle {
				t.stale++
			}
		},
	}
}

// step counts a step, which may be the first of another try.
func (t *tries) step(count *int) {
	t.mu.Lock()
	before := max(t.wanted, t.got)
	*count++
	another := before > 0 && max(t.wanted, t.got) > before
	before -= t.stale
	t.mu.Unlock()
	if !another {
		return
	}
	if err := t.again(before); err != nil {
		t.stop(err)
	}
}

// lastConnected returns when the last connection was there, zero for never.
func (t *tries) lastConnected() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.connected
}

// Why a request is not sent again.
var (
	errEnded   = errors.New("the server ends each connection before it answers")
	errNoPlace = errors.New("the rate limit (requests_per_second) leaves no place before the deadline")
)

// resend waits until net/http may send a request again.
func (c *Client) resend(ctx context.Context, tries int, mayGo func() bool) error {
	if tries >= attempts {
		return errEnded
	}
	start := time.Now()
	err := c.waitForRate(ctx)
	c.options.ObserveWait(time.Since(start))
	switch {
	case err != nil && ctx.Err() == nil:
		return errNoPlace
	case err != nil:
		return ctx.Err()
	case !mayGo():
		return errEnded
	}
	return nil
}
