package collector

import (
	"context"
	"sync"
	"time"
)

// gate opens when all who were announced have passed: the nodes of a scrape
// pass it when their scans have been sent.
type gate struct {
	mu   sync.Mutex
	left int
	open chan struct{}
}

// newGate returns a gate with one announced.
func newGate() *gate { return &gate{left: 1, open: make(chan struct{})} }

// announce adds n who are to pass, and reports whether it could: not after the
// gate has opened.
func (g *gate) announce(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left == 0 {
		return false
	}
	g.left += n
	return true
}

// pass says that one has passed.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left--; g.left == 0 {
		close(g.open)
	}
}

// wait returns when the gate is open, at the given time or when the context
// ends.
func (g *gate) wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-g.open:
	case <-timer.C:
	case <-ctx.Done():
	}
}
