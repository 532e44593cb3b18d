package collector

import (
	"context"
	"sync"
	"time"
)

// remembered is a value that is fetched in the background and kept for a
// time. When fetching fails, the last good value stays.
type remembered[T any] struct {
	ttl   time.Duration
	fetch func(context.Context) (T, error)
	tasks *background

	mu      sync.Mutex
	value   T
	have    bool
	fetched time.Time     // when the value was had
	err     error         // how the last fetch failed, nil if it did not
	loading chan struct{} // closed when the fetch under way has ended, nil without one
}

// get returns the value. It starts fetching it if it is due, and waits only
// where there is none yet. have is false if there still is none at the end of
// the context, or if fetching failed; err is how the last fetch failed.
func (r *remembered[T]) get(ctx context.Context) (value T, have bool, err error) {
	r.mu.Lock()
	if !r.have || time.Since(r.fetched) >= r.ttl {
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
		err = ctx.Err()
	}
	return r.value, r.have, err
}

// refresh starts fetching the value although it is not due, if it is older than
// the given age.
func (r *remembered[T]) refresh(age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.fetched) >= age {
		r.start()
	}
}

// start fetches in the background, unless that is under way; r.mu is held.
func (r *remembered[T]) start() {
	if r.loading != nil {
		return
	}
	done := make(chan struct{})
	ok := r.tasks.run(func(ctx context.Context) {
		value, err := r.fetch(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err = err; err == nil {
			r.value, r.have, r.fetched = value, true, time.Now()
		}
		r.loading = nil
		close(done)
	})
	if ok {
		r.loading = done
	}
}

// background runs what outlives a scrape, until it is closed.
type background struct {
	timeout time.Duration // of each task
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	tasks  sync.WaitGroup
}

func newBackground(timeout time.Duration) *background {
	ctx, cancel := context.WithCancel(context.Background())
	return &background{timeout: timeout, ctx: ctx, cancel: cancel}
}

// run starts a task, and tells whether it did: it does not after close.
func (b *background) run(task func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, b.timeout)
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
