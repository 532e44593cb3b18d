package dcsapi

import (
	"context"
	"fmt"
)

// withKey gets the key to sign with. If a temporary key is refused, it sends
// the request again with its replacement, once.
func (c *Client) withKey(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		key, err := c.options.Keys.Key(ctx)
		if err != nil {
			return asUnsent(err)
		}
		c.use(key, r)
		failed := next(ctx, r)
		if failed == nil || failed.Reason != ReasonAuth || (r.atMostOnce && failed.Status != 0) {
			return failed
		}
		renewed, err := c.options.Keys.Renew(ctx, key)
		switch {
		case err != nil:
			return failed.withCause(fmt.Errorf("there is no other key: %w", err))
		case renewed == key:
			return failed
		}
		c.use(renewed, r)
		return next(ctx, r)
	}
}

// use makes a key that of a request.
func (c *Client) use(key Key, r *request) {
	c.secrets.add(key)
	r.key, r.breaker = key, c.options.Keyring.breaker(key)
	c.breaker.Store(r.breaker)
}

// withCause returns a copy of the error that has another cause besides its own.
func (e *Error) withCause(cause error) *Error {
	with := *e
	with.Err = cause
	if e.Err != nil {
		with.Err = fmt.Errorf("%w; %w", e.Err, cause)
	}
	return &with
}
