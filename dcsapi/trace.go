package dcsapi

import (
	"context"
	"sync"
	"time"
)

// maxTraced is how many requests and how many steps a Trace keeps.
const maxTraced = 2000

// Trace records the requests that are made with a context, for somebody who looks
// for the cause of a problem: the first 2,000 of them, and as many steps. Requests
// contain no secret. The zero value is ready to use. It is safe for concurrent use.
type Trace struct {
	mu        sync.Mutex
	exchanges []Exchange
	steps     []Step
	lost      int
}

// Exchange is one attempt of a request that was let through to the rate limit. One
// that a hold-off, or what protects the key, has kept from there is not recorded,
// nor is one that started over while it waited.
type Exchange struct {
	Operation string        // such as "list_clients"
	Node      string        // instance id/node id, "" if it concerns no node
	Begun     time.Time     // when the attempt began to wait for the rate limit
	Rate      time.Duration // waited for the rate limit
	Slot      time.Duration // waited after that for one of Options.MaxConcurrentRequests; 0 for a request that takes none
	Took      time.Duration // from sending to the end of the answer; 0 if it was not sent
	Status    int           // HTTP status, 0 without an answer
	RequestID string        // as the API calls it, "" if it did not say
	Err       error         // nil for a success, else an *Error
}

// Step is something that was done or decided between requests.
type Step struct {
	At   time.Time
	Node string // as it was passed to Trace.Step: the node's id, "" for none
	Text string
}

type traceKey struct{}

// WithTrace returns a context whose requests t records.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace of a context, nil if it has none. Step can be called on
// nil; the other methods cannot.
func TraceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// Step records a step, with the id of the node that it concerns or "". It does
// nothing if t is nil. text must not contain a secret.
func (t *Trace) Step(node, text string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.steps) == maxTraced {
		t.lost++
		return
	}
	t.steps = append(t.steps, Step{time.Now(), node, text})
}

// add records a request.
func (t *Trace) add(e Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.exchanges) == maxTraced {
		t.lost++
		return
	}
	t.exchanges = append(t.exchanges, e)
}

// Recorded returns copies of what has been recorded so far, the requests in the order
// in which they ended, and how many requests and steps together were too many to be
// recorded.
func (t *Trace) Recorded() (exchanges []Exchange, steps []Step, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Exchange(nil), t.exchanges...), append([]Step(nil), t.steps...), t.lost
}

// withTrace records each attempt of a request. Its times are noted by the
// concerns inside of it.
func (c *Client) withTrace(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		t := TraceOf(ctx)
		if t == nil {
			return next(ctx, r)
		}
		r.traced = Exchange{Operation: r.operation, Node: r.node, Begun: time.Now()}
		err := next(ctx, r)
		e := r.traced
		if err == errStartOver {
			return err // it will come by again
		}
		if err != nil {
			shown := *c.secrets.redactor().redactError(err)
			e.Err = &shown
		}
		t.add(e)
		return err
	}
}
