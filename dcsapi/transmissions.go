package dcsapi

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"sync"
	"time"
)

// transmissions counts how often net/http sends one request. It does so again
// by itself, without a pause and without a bound, where a connection has ended
// before the request was taken, such as by an HTTP/2 GOAWAY.
type transmissions struct {
	// again is called before each transmission but the first, while net/http
	// waits, with the number of those before it that count. An error ends the
	// request.
	again func(before int) error
	stop  context.CancelCauseFunc // ends the request

	mu          sync.Mutex
	requested   int       // connections that net/http has asked for
	obtained    int       // connections that it has got
	reused      int       // of which were idle before: they do not count, since each of them can end only once
	connectedAt time.Time // when it got the last one
	handshake   error     // how the last TLS handshake ended
}

// trace returns the hooks that count. net/http skips GetConn or GotConn
// sometimes, never both.
func (t *transmissions) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.count(&t.requested) },
		GotConn: func(info httptrace.GotConnInfo) {
			t.count(&t.obtained)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connectedAt = time.Now()
			if info.WasIdle {
				t.reused++
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				t.mu.Lock()
				defer t.mu.Unlock()
				t.handshake = err
			}
		},
	}
}

// count counts a step, which may be the first one of another transmission.
func (t *transmissions) count(steps *int) {
	t.mu.Lock()
	before := max(t.requested, t.obtained)
	*steps++
	another := before > 0 && max(t.requested, t.obtained) > before
	before -= t.reused
	t.mu.Unlock()
	if !another {
		return
	}
	if err := t.again(before); err != nil {
		t.stop(err)
	}
}

// connection returns when net/http got the last connection, zero for never,
// and with which error the last TLS handshake that failed has done so.
func (t *transmissions) connection() (at time.Time, handshake error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.connectedAt, t.handshake
}

// errConnectionsEnd is why a request is not sent again.
var errConnectionsEnd = errors.New("the server ends each connection before it answers")

// resend waits until net/http may send a request again that it has sent before
// times, or returns why it must not.
func (c *Client) resend(ctx context.Context, r *request, before int) error {
	if before >= maxAttempts {
		return errConnectionsEnd
	}
	err := c.waitForToken(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		return errNoToken
	case err != nil:
		return ctx.Err()
	case !c.mayResend(r):
		return errConnectionsEnd
	}
	return nil
}
