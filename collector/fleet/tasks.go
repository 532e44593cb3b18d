package fleet

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// tasks runs a project's requests in the background, until it is closed. It is
// made by newTasks.
type tasks struct {
	options atomic.Pointer[Options] // those in force
	heldOff func() error            // why requests are not sent at the moment, nil if they are
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	wait   sync.WaitGroup
}

func newTasks(heldOff func() error) *tasks {
	ctx, cancel := context.WithCancel(context.Background())
	return &tasks{heldOff: heldOff, ctx: ctx, cancel: cancel}
}

// run starts a task that may take as long as limit, or Options.Timeout if that
// is 0. It reports whether it did: after close it does not.
func (t *tasks) run(limit time.Duration, task func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wait.Go(func() {
		ctx, cancel := context.WithTimeout(t.ctx, cmp.Or(limit, t.options.Load().Timeout))
		defer cancel()
		task(ctx)
	})
	return true
}

// close cancels all tasks and waits for their end.
func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.wait.Wait()
}
