package collector

import (
	"context"
	"sync"
	"time"
)

// shared is the context of work that several wait for: it ends at the latest
// of their deadlines, or when nobody waits any more. It is made by newShared
// with nobody waiting, and must be joined or ended.
type shared struct {
	context.Context // for its values

	mu      sync.Mutex
	waiting int
	until   time.Time // zero before the first has joined
	timer   *time.Timer
	done    chan struct{}
	err     error
}

func newShared() *shared {
	return &shared{Context: context.Background(), done: make(chan struct{})}
}

// join adds one who waits until a time, and tells whether the work goes on: it
// is too late after its end. Who has joined leaves.
func (s *shared) join(until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	s.waiting++
	if until.After(s.until) {
		s.until = until
		if s.timer == nil {
			s.timer = time.AfterFunc(time.Until(until), s.expire)
		} else {
			s.timer.Reset(time.Until(until))
		}
	}
	return true
}

// leave takes one away who has joined.
func (s *shared) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.end(context.Canceled)
	}
}

// expire ends the work if its time is over.
func (s *shared) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := time.Until(s.until); left > 0 { // somebody has joined just now
		s.timer.Reset(left)
		return
	}
	s.end(context.DeadlineExceeded)
}

// end ends the context; s.mu is held.
func (s *shared) end(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	if s.timer != nil {
		s.timer.Stop()
	}
	close(s.done)
}

// Deadline implements context.Context. It may move to later times.
func (s *shared) Deadline() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until, !s.until.IsZero()
}

// Done implements context.Context.
func (s *shared) Done() <-chan struct{} { return s.done }

// Err implements context.Context.
func (s *shared) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
