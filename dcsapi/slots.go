package dcsapi

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// lentFor is how long a request may keep a slot that is beyond its key's
	// share while others wait for one.
	lentFor = 2 * time.Second
	// reclaimEvery is how often those who wait look for such slots.
	reclaimEvery = 100 * time.Millisecond
)

// slots bounds the requests in flight and shares them out among keys: a key is
// a node whose sessions are listed, or another thing that is asked about. A key
// alone may have all slots. Where others wait, a free slot goes to the key that
// has fewest, and slots beyond an equal share are only lent: their requests are
// cancelled, to be sent again later, if they take longer than lentFor. slots is
// safe for concurrent use.
type slots struct {
	total int

	mu      sync.Mutex
	free    int
	holders map[string]*holder
	waiting []*slotWaiter // in the order in which they came
}

// holder is a key that has slots, or waits for some.
type holder struct {
	key     string
	held    []*slot // in the order in which they were given
	waiting int
	// slow says that a slot was taken back, and no request has been answered
	// since: the key gets no more than half of all slots.
	slow bool
}

// slot is the right to have a request in flight.
type slot struct {
	slots  *slots
	holder *holder
	since  time.Time
	lent   bool // it may be taken back
	taken  bool // it was taken back

	ctx    context.Context // ends when the slot is taken back
	cancel context.CancelFunc
}

// slotWaiter is a request that waits for a slot.
type slotWaiter struct {
	slot  *slot
	given chan struct{} // closed when the slot is its own
}

func newSlots(total int) *slots {
	return &slots{total: total, free: total, holders: make(map[string]*holder)}
}

// acquire waits for a slot. lent says that the request may be cancelled, and
// sent again, if it takes long while others wait. The slot must be released.
func (s *slots) acquire(ctx context.Context, key string, lent bool) (*slot, error) {
	s.mu.Lock()
	h := s.holders[key]
	if h == nil {
		h = &holder{key: key}
		s.holders[key] = h
	}
	w := &slotWaiter{slot: &slot{slots: s, holder: h, lent: lent}, given: make(chan struct{})}
	w.slot.ctx, w.slot.cancel = context.WithCancel(ctx)
	h.waiting++
	s.waiting = append(s.waiting, w)
	s.share()
	s.mu.Unlock()

	select {
	case <-w.given:
		return w.slot, nil
	default:
	}
	ticker := time.NewTicker(reclaimEvery)
	defer ticker.Stop()
	for {
		s.reclaim(w)
		select {
		case <-w.given:
			return w.slot, nil
		case <-ticker.C:
		case <-ctx.Done():
			s.giveUp(w)
			return nil, ctx.Err()
		}
	}
}

// giveUp ends waiting.
func (s *slots) giveUp(w *slotWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.slot.cancel()
	if k := slices.Index(s.waiting, w); k >= 0 {
		s.waiting = slices.Delete(s.waiting, k, k+1)
		w.slot.holder.waiting--
		s.forget(w.slot.holder)
		return
	}
	s.put(w.slot) // it was given just now
}

// release gives the slot back. answered says that the request was.
func (t *slot) release(answered bool) {
	t.cancel()
	t.slots.mu.Lock()
	defer t.slots.mu.Unlock()
	if answered {
		t.holder.slow = false
	}
	t.slots.put(t)
}

// reclaimed reports whether the slot was taken back.
func (t *slot) reclaimed() bool {
	t.slots.mu.Lock()
	defer t.slots.mu.Unlock()
	return t.taken
}

// put takes a slot back and gives it to somebody else; s.mu must be held.
func (s *slots) put(t *slot) {
	t.holder.held = slices.DeleteFunc(t.holder.held, func(other *slot) bool { return other == t })
	s.free++
	s.share()
	s.forget(t.holder)
}

// forget drops a key that neither has slots nor waits for one; s.mu must be
// held.
func (s *slots) forget(h *holder) {
	if len(h.held) == 0 && h.waiting == 0 {
		delete(s.holders, h.key)
	}
}

// share gives the free slots to those whose keys have fewest, and among those
// to who came first; s.mu must be held.
func (s *slots) share() {
	for s.free > 0 {
		next := -1
		for k, w := range s.waiting {
			h := w.slot.holder
			if h.slow && len(h.held) >= max(1, s.total/2) {
				continue
			}
			if next < 0 || len(h.held) < len(s.waiting[next].slot.holder.held) {
				next = k
			}
		}
		if next < 0 {
			return
		}
		w := s.waiting[next]
		s.waiting = slices.Delete(s.waiting, next, next+1)
		w.slot.since = time.Now()
		w.slot.holder.waiting--
		w.slot.holder.held = append(w.slot.holder.held, w.slot)
		s.free--
		close(w.given)
	}
}

// reclaim takes a slot back for a waiter whose key has less than its share,
// from the key that has most, if that has more than its share and lets one of
// its requests take too long.
func (s *slots) reclaim(w *slotWaiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := (s.total + len(s.holders) - 1) / len(s.holders)
	if s.free > 0 || len(w.slot.holder.held) >= share {
		return
	}
	var from *slot
	most := share
	for _, h := range s.holders {
		var oldest *slot
		left := 0
		for _, t := range h.held {
			if t.taken {
				continue
			}
			left++
			if oldest == nil && t.lent && time.Since(t.since) >= lentFor {
				oldest = t
			}
		}
		if oldest != nil && left > most {
			from, most = oldest, left
		}
	}
	if from != nil {
		from.taken, from.holder.slow = true, true
		from.cancel()
	}
}
