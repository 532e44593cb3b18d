package collector

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

// remembered is a value that is fetched in the background and kept for a
// time. When fetching fails, the last good value stays.
type remembered[T any] struct {
	fetch func(context.Context) (T, error)
	tasks *background
	long  time.Duration // how long a fetch may take; 0 for Options.Timeout

	mu      sync.Mutex
	value   T
	have    bool
	fetched time.Time     // when the value was had
	failed  time.Time     // when a request for it failed last, zero if none did since
	err     error         // how the last fetch failed, nil if it did not
	loading chan struct{} // closed when the fetch under way has ended, nil without one
	since   time.Time     // when it began
}

// get returns the value. It starts fetching it if it is older than ttl, and
// waits only where there is none yet. have is false if there still is none at
// the end of the context, or if fetching failed; err is how the last fetch
// failed.
func (r *remembered[T]) get(ctx context.Context, ttl time.Duration) (value T, have bool, err error) {
	r.mu.Lock()
	if !r.have || time.Since(r.fetched) >= ttl {
		r.start()
	}
	loading := r.loading
	if !r.have && loading != nil {
		r.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	if err = r.err; !r.have && err == nil {
		err = r.tasks.heldOff()
	}
	if !r.have && err == nil {
		err = ctx.Err()
	}
	return r.value, r.have, err
}

// peek returns the value as it is, and when it was had.
func (r *remembered[T]) peek() (value T, fetched time.Time, have bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value, r.fetched, r.have
}

// failing tells whether the last fetch failed.
func (r *remembered[T]) failing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

// set gives the value that somebody else has fetched.
func (r *remembered[T]) set(value T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value, r.have, r.fetched, r.err, r.failed = value, true, time.Now(), nil, time.Time{}
}

// refresh starts fetching the value if it is older than the given age.
func (r *remembered[T]) refresh(age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.fetched) >= age {
		r.start()
	}
}

// start fetches in the background, unless that is under way, or has failed just
// now; r.mu is held.
func (r *remembered[T]) start() {
	if r.loading != nil || (!r.failed.IsZero() && time.Since(r.failed) < r.tasks.retryAfter()) {
		return
	}
	done := make(chan struct{})
	ok := r.tasks.run(r.long, func(ctx context.Context) {
		value, err := r.fetch(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err, r.failed = err, time.Time{}
		switch {
		case err == nil:
			r.value, r.have, r.fetched = value, true, time.Now()
		case !dcsapi.Unsent(err) && dcsapi.ReasonOf(err) != dcsapi.ReasonThrottled: // those wait already
			r.failed = time.Now()
		}
		r.loading = nil
		close(done)
	})
	if ok {
		r.loading, r.since = done, time.Now()
	}
}

// loadingFor returns for how long the value is being fetched, 0 if it is not.
func (r *remembered[T]) loadingFor() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loading == nil {
		return 0
	}
	return time.Since(r.since)
}

// background runs what outlives a scrape, until it is closed.
type background struct {
	options atomic.Pointer[Options] // the ones in force: Timeout bounds most tasks
	heldOff func() error            // why requests are not sent at the moment, nil if they are
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	tasks  sync.WaitGroup
}

func newBackground(o *Options, heldOff func() error) *background {
	ctx, cancel := context.WithCancel(context.Background())
	b := &background{heldOff: heldOff, ctx: ctx, cancel: cancel}
	b.options.Store(o)
	return b
}

// retryAfter is how long nothing is asked for again that has failed, so that
// many small scrapes do not ask each: as long as a node is not scanned again,
// within reason.
func (b *background) retryAfter() time.Duration {
	return min(b.options.Load().Scan.MinInterval, 30*time.Second)
}

// run starts a task that may take so long, or Options.Timeout if that is 0. It
// reports whether it did: it does not after close.
func (b *background) run(long time.Duration, task func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, cmp.Or(long, b.options.Load().Timeout))
		defer cancel()
		task(ctx)
	})
	return true
}

// close ends all tasks and waits for them.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.tasks.Wait()
}
