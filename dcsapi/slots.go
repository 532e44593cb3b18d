package dcsapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// preemptAfter is how long a request may keep a slot beyond its owner's share
	// while others wait for one.
	preemptAfter = 2 * time.Second
	// preemptInterval is how often a waiter looks for such slots, up to ten times
	// less often where many wait.
	preemptInterval = 100 * time.Millisecond
)

// slots is a semaphore of the requests in flight that is fair among owners: an
// owner is a node whose sessions are listed, or another thing that is asked
// about. A single owner may have all slots. When others wait, a free slot goes
// to the owner that has fewest, and slots beyond an equal share are preempted if
// their requests take longer than preemptAfter: those are cancelled and sent
// again later. slots is safe for concurrent use.
type slots struct {
	total int

	mu      sync.Mutex
	free    int
	owners  map[string]*slotOwner
	waiting []*slotWaiter // in the order of arrival
	looked  time.Time     // when a waiter last looked for a slot to preempt
}

// slotOwner is an owner that has slots or waits for some.
type slotOwner struct {
	name    string
	held    []*slot // in the order in which they were assigned
	waiting int
	// slow is set when a slot is preempted, until a request of the owner is
	// answered: a slow owner gets at most half of all slots.
	slow bool
}

// slot is the right to have a request in flight. It must be released.
type slot struct {
	slots       *slots
	owner       *slotOwner
	assigned    time.Time
	preemptible bool
	preempted   bool // guarded by slots.mu

	ctx    context.Context // ends when the slot is preempted
	cancel context.CancelFunc
}

// slotWaiter is a request that waits for a slot.
type slotWaiter struct {
	slot  *slot
	ready chan struct{} // closed when the slot is assigned
}

func newSlots(total int) *slots {
	return &slots{total: total, free: total, owners: make(map[string]*slotOwner)}
}

// withSlot waits for a slot, and starts a request over whose slot was preempted.
func (c *Client) withSlot(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		if r.background {
			return next(ctx, r)
		}
		start := time.Now()
		slot, err := c.slots.acquire(ctx, r.slotOwner(), !r.atMostOnce)
		r.traced.Slot = time.Since(start)
		if err != nil {
			return notSent(err, errNoSlot)
		}
		failed := next(slot.ctx, r)
		missed := failed != nil && failed.Reason == ReasonTimeout
		slot.release(!missed)
		if missed && slot.wasPreempted() && ctx.Err() == nil {
			return errStartOver
		}
		return failed
	}
}

// acquire waits for a slot. A preemptible one is for a request that may be
// cancelled and sent again if it takes long while others wait.
func (s *slots) acquire(ctx context.Context, owner string, preemptible bool) (*slot, error) {
	s.mu.Lock()
	o := s.owners[owner]
	if o == nil {
		o = &slotOwner{name: owner}
		s.owners[owner] = o
	}
	w := &slotWaiter{slot: &slot{slots: s, owner: o, preemptible: preemptible}, ready: make(chan struct{})}
	w.slot.ctx, w.slot.cancel = context.WithCancel(ctx)
	o.waiting++
	s.waiting = append(s.waiting, w)
	s.assign()
	interval := preemptInterval * time.Duration(min(1+len(s.waiting)/s.total, 10))
	s.mu.Unlock()

	select {
	case <-w.ready:
		return w.slot, nil
	default:
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		s.preempt(w)
		select {
		case <-w.ready:
			return w.slot, nil
		case <-ticker.C:
		case <-ctx.Done():
			s.abandon(w)
			return nil, context.Cause(ctx)
		}
	}
}

// abandon removes a waiter whose context has ended.
func (s *slots) abandon(w *slotWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.slot.cancel()
	if k := slices.Index(s.waiting, w); k >= 0 {
		s.waiting = slices.Delete(s.waiting, k, k+1)
		w.slot.owner.waiting--
		s.forget(w.slot.owner)
		return
	}
	s.put(w.slot) // it was assigned just now
}

// release gives the slot back. answered reports whether its request was.
func (t *slot) release(answered bool) {
	t.cancel()
	t.slots.mu.Lock()
	defer t.slots.mu.Unlock()
	if answered {
		t.owner.slow = false
	}
	t.slots.put(t)
}

// wasPreempted reports whether the slot was preempted.
func (t *slot) wasPreempted() bool {
	t.slots.mu.Lock()
	defer t.slots.mu.Unlock()
	return t.preempted
}

// put takes a slot back and assigns it to a waiter; s.mu must be held.
func (s *slots) put(t *slot) {
	t.owner.held = slices.DeleteFunc(t.owner.held, func(other *slot) bool { return other == t })
	s.free++
	s.assign()
	s.forget(t.owner)
}

// forget drops an owner that neither has slots nor waits for one; s.mu must be
// held.
func (s *slots) forget(o *slotOwner) {
	if len(o.held) == 0 && o.waiting == 0 {
		delete(s.owners, o.name)
	}
}

// assign gives the free slots to the waiters whose owners have fewest, and among
// those to the first; s.mu must be held.
func (s *slots) assign() {
	for s.free > 0 {
		next := -1
		for k, w := range s.waiting {
			o := w.slot.owner
			if o.slow && len(o.held) >= max(1, s.total/2) {
				continue
			}
			if next < 0 || len(o.held) < len(s.waiting[next].slot.owner.held) {
				next = k
			}
		}
		if next < 0 {
			return
		}
		w := s.waiting[next]
		s.waiting = slices.Delete(s.waiting, next, next+1)
		w.slot.assigned = time.Now()
		w.slot.owner.waiting--
		w.slot.owner.held = append(w.slot.owner.held, w.slot)
		s.free--
		close(w.ready)
	}
}

// preempt takes a slot away for a waiter whose owner has less than its share:
// from the owner that has most, if that has more than its share and a request
// that takes too long.
func (s *slots) preempt(w *slotWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := (s.total + len(s.owners) - 1) / len(s.owners)
	if s.free > 0 || len(w.slot.owner.held) >= share || time.Since(s.looked) < preemptInterval/10 {
		return // thousands may wait
	}
	s.looked = time.Now()
	var victim *slot
	most := share
	for _, o := range s.owners {
		var oldest *slot
		kept := 0
		for _, t := range o.held {
			if t.preempted {
				continue
			}
			kept++
			if oldest == nil && t.preemptible && time.Since(t.assigned) >= preemptAfter {
				oldest = t
			}
		}
		if oldest != nil && kept > most {
			victim, most = oldest, kept
		}
	}
	if victim != nil {
		victim.preempted, victim.owner.slow = true, true
		victim.cancel()
	}
}
