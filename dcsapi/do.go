package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	attempts   = 3
	backoffMin = 200 * time.Millisecond
	backoffMax = 5 * time.Second
)

// call is one operation of the API.
type call struct {
	operation string // for metrics, such as "list_clients"
	op        string // for errors: what is being done
	iam       bool   // goes to IAM, and is not about a project
	method    string
	path      string
	node      string // the node whose sessions it is about, "" for none: requests share the slots by it
	query     map[string]string
	body      string
	once      bool // never send it twice
	noRetry   bool // the caller repeats it by its own rules
	// decode reads a success. It keeps nothing of body.
	decode func(body []byte, h http.Header) error
}

// target says what a call is about.
func (call *call) target(endpoint, projectID string) target {
	return target{endpoint, projectID, call.path, call.query["node_id"] + call.body}
}

// do carries a call out; its errors repeat no secret. The concerns of a request each have a place, from the
// outside in: repetition (here), the project's hold-off, the key's gate, the
// rate, a free slot, the signature, the answer's meaning.
func (c *Client) do(ctx context.Context, call *call) error {
	err := c.repeat(ctx, call)
	if err != nil {
		return c.secrets.seal(err)
	}
	return nil
}

// repeat sends a call until it succeeds, fails for good or has had its
// attempts.
func (c *Client) repeat(ctx context.Context, call *call) error {
	projectID := ""
	if !call.iam {
		id, err := c.ProjectID(ctx)
		if err != nil {
			return err
		}
		projectID = id
		call.path = "/v2/" + id + c.spellings.inPath(call.path)
	}
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, call, projectID)
		if err == nil {
			return nil
		}
		if err.Op == "" {
			err.Op = call.op
		}
		if attempt == attempts || call.noRetry || !err.retryable() || (call.once && !err.unsent) {
			return err
		}
		// A throttled project waits for its hold-off in the next attempt.
		pause := rand.N(min(backoffMin<<(attempt-1), backoffMax))
		if err.Reason != ReasonThrottled {
			pause = max(pause, err.RetryAfter)
		}
		if !sleep(ctx, pause) {
			return err
		}
		if err.Reason == ReasonThrottled && !c.throttle.endsWithin(ctx) {
			return err
		}
	}
}

// attempt sends a call once, or with another key a second time if a temporary
// key was refused.
func (c *Client) attempt(ctx context.Context, call *call, projectID string) *Error {
	key, err := c.options.Keys.Key(ctx)
	if err != nil {
		return asError(err)
	}
	for renewed := false; ; renewed = true {
		failed := c.attemptWith(ctx, call, projectID, key)
		if failed == nil || failed.Reason != ReasonAuth || renewed || (call.once && failed.Status != 0) {
			return failed
		}
		other, err := c.options.Keys.Renew(ctx, key)
		if err != nil {
			return failed.withoutOther(err)
		}
		if other == key {
			return failed
		}
		key = other
	}
}

// withoutOther adds to a refusal why there is no other key.
func (e *Error) withoutOther(err error) *Error {
	with := *e
	with.Err = fmt.Errorf("there is no other key: %w", err)
	if e.Err != nil {
		with.Err = fmt.Errorf("%w; %w", e.Err, with.Err)
	}
	return &with
}

// ownCA tells whether the configuration names authorities.
func (c *Client) ownCA() bool { return c.options.TLS != nil && c.options.TLS.RootCAs != nil }

// attemptWith sends a call once with a key.
func (c *Client) attemptWith(ctx context.Context, call *call, projectID string, key Key) *Error {
	c.secrets.add(key)
	gate := c.options.Keyring.gate(key)
	c.gate.Store(gate)
	for {
		epoch, err := c.throttle.wait(ctx)
		if err != nil {
			return asError(err)
		}
		pass, err := gate.enter(ctx)
		if err != nil {
			return asError(err)
		}
		start := time.Now()
		err = c.waitForRate(ctx)
		c.options.ObserveWait(time.Since(start))
		if err != nil {
			pass.leave(errNotSent)
			return noPlace(err)
		}
		slot, err := c.slots.acquire(ctx, cmp.Or(call.node, call.path), !call.once)
		if err != nil {
			pass.leave(errNotSent)
			return notSent(context.Cause(ctx), errNoSlot)
		}
		sent, late := pass.depart(slot.ctx, call.target(c.options.Endpoint, projectID))
		if late != nil || !sent || c.throttle.left() > 0 {
			slot.release(false)
			pass.leave(errNotSent)
			if late != nil && (ctx.Err() != nil || !slot.reclaimed()) {
				return late
			}
			continue
		}
		sendCtx, cancel := pass.bound(slot.ctx)
		throttled := false
		c.inFlight.Add(1)
		failed := c.send(sendCtx, call, projectID, key, onWay{
			heard: func(status *Error) {
				pass.hear(status)
				throttled = status != nil && c.throttle.done(epoch, status)
			},
			mayGo: func() bool { return pass.valid() && c.throttle.left() <= 0 },
		})
		c.inFlight.Add(-1)
		cancel()
		slot.release(failed == nil || failed.Reason != ReasonTimeout)
		pass.leave(failed)
		if failed != nil && failed.Reason == ReasonTimeout && slot.reclaimed() && ctx.Err() == nil {
			continue // others had their share of the slots meanwhile
		}
		if c.throttle.done(epoch, failed) || throttled {
			c.pace.slowDown()
		} else if failed == nil {
			c.pace.speedUp()
		}
		return failed
	}
}

// errNotSent is what a pass is given back with when it was not used.
var errNotSent = &Error{Reason: ReasonOther}

// asError makes an *Error of what the way to the network gave: an ended
// context is a timeout.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		e := *e // it may be shared: the caller names its own operation
		e.unsent = true
		return &e
	}
	return &Error{Reason: ReasonOf(err), Err: err, unsent: true}
}
