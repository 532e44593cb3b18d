package fleet

import (
	"context"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"
)

// cache holds a value that is fetched in the background. When fetching fails,
// the last good value stays. It is safe for concurrent use.
type cache[T any] struct {
	fetch func(context.Context) (T, error)
	tasks *tasks
	limit time.Duration // how long a fetch may take; 0 for Options.Timeout

	mu       sync.Mutex
	value    T
	have     bool
	fetched  time.Time     // when value was fetched
	failed   time.Time     // when the API last answered a fetch with an error; zero after a success
	err      error         // of the last fetch
	fetching chan struct{} // closed at the end of the fetch under way, nil without one
	began    time.Time     // when it began
}

// get returns the value. It starts a fetch if the value is older than ttl, and
// waits only if there is no value yet. have is false if there is still none at the
// end of the context, or if the fetch failed; err is the error of the last fetch.
func (c *cache[T]) get(ctx context.Context, ttl time.Duration) (value T, have bool, err error) {
	c.mu.Lock()
	if !c.have || time.Since(c.fetched) >= ttl {
		c.start()
	}
	fetching := c.fetching
	if !c.have && fetching != nil {
		c.mu.Unlock()
		select {
		case <-fetching:
		case <-ctx.Done():
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if err = c.err; !c.have && err == nil {
		err = c.tasks.heldOff()
	}
	if !c.have && err == nil {
		err = ctx.Err()
	}
	return c.value, c.have, err
}

// peek returns the value, and when it was fetched.
func (c *cache[T]) peek() (value T, fetched time.Time, have bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.fetched, c.have
}

// failing reports whether the last fetch failed.
func (c *cache[T]) failing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil
}

// set stores a value that was fetched otherwise.
func (c *cache[T]) set(value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.have, c.fetched, c.err, c.failed = value, true, time.Now(), nil, time.Time{}
}

// refresh starts a fetch if the value is older than age.
func (c *cache[T]) refresh(age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.fetched) >= age {
		c.start()
	}
}

// start starts a fetch in the background, unless one is under way or has just
// failed. c.mu must be held.
func (c *cache[T]) start() {
	if c.fetching != nil || (!c.failed.IsZero() && time.Since(c.failed) < c.tasks.options.Load().RetryAfter) {
		return
	}
	done := make(chan struct{})
	ok := c.tasks.run(c.limit, func(ctx context.Context) {
		value, err := c.fetch(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err, c.failed = err, time.Time{}
		switch {
		case err == nil:
			c.value, c.have, c.fetched = value, true, time.Now()
		case !dcsapi.IsUnsent(err) && dcsapi.ReasonOf(err) != dcsapi.ReasonThrottled: // those wait in the client
			c.failed = time.Now()
		}
		c.fetching = nil
		close(done)
	})
	if ok {
		c.fetching, c.began = done, time.Now()
	}
}

// fetchingFor returns how long the fetch under way has taken so far, 0 without
// one.
func (c *cache[T]) fetchingFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetching == nil {
		return 0
	}
	return time.Since(c.began)
}
