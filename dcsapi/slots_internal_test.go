package dcsapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlots checks how requests share the slots: those of one node, which hang
// unless their context ends, with those of others.
func TestSlots(t *testing.T) {
	type step struct {
		at   time.Duration
		key  string
		n    int  // requests
		once bool // which are not to be cancelled
	}
	for _, tt := range []struct {
		name  string
		total int
		steps []step
		after time.Duration
		want  map[string]int // slots by key
	}{
		{"one node may have all", 8, []step{{0, "a", 20, false}}, time.Minute, map[string]int{"a": 8}},
		{"a slot that is free goes to who has none", 8, []step{{0, "a", 7, false}, {0, "b", 9, false}}, time.Second, map[string]int{"a": 7, "b": 1}},
		{"nothing is taken back at once", 8, []step{{0, "a", 8, false}, {time.Second, "b", 1, false}}, 1900 * time.Millisecond, map[string]int{"a": 8}},
		{"what takes long is", 8, []step{{0, "a", 8, false}, {time.Second, "b", 1, false}}, 2200 * time.Millisecond, map[string]int{"a": 7, "b": 1}},
		{"up to an equal share", 8, []step{{0, "a", 8, false}, {0, "b", 9, false}}, 10 * time.Second, map[string]int{"a": 4, "b": 4}},
		{"for each node", 8, []step{{0, "a", 8, false}, {0, "b", 1, false}, {0, "c", 1, false}, {0, "d", 1, false}, {0, "e", 1, false}}, 5 * time.Second, map[string]int{"a": 4, "b": 1, "c": 1, "d": 1, "e": 1}},
		{"but not what is sent once", 2, []step{{0, "a", 2, true}, {0, "b", 1, false}}, time.Minute, map[string]int{"a": 2}},
		{"the last slot is nobody's to take", 1, []step{{0, "a", 1, false}, {0, "b", 1, false}}, time.Minute, map[string]int{"a": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := newSlots(tt.total)
				for _, step := range tt.steps {
					for range step.n {
						go func() {
							time.Sleep(step.at)
							for ctx.Err() == nil { // cancelled requests are sent again
								if slot, err := s.acquire(ctx, step.key, !step.once); err == nil {
									<-slot.ctx.Done()
									slot.release(false)
								}
							}
						}()
					}
					synctest.Wait()
				}
				time.Sleep(tt.after)
				synctest.Wait()
				for key, want := range tt.want {
					if h := s.owners[key]; h == nil || len(h.held) != want {
						t.Errorf("%s: got %+v, want %d slots", key, h, want)
					}
				}
				if s.total-s.free != min(tt.total, sum(tt.want)) {
					t.Errorf("%d in use, want %v", s.total-s.free, tt.want)
				}
				cancel()
				synctest.Wait()
				if s.total-s.free != 0 || len(s.owners) != 0 || len(s.waiting) != 0 {
					t.Errorf("left: %d in use, keys %v, waiting %v", s.total-s.free, s.owners, s.waiting)
				}
			})
		})
	}
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// TestSlotsOfSlowKey checks that a key whose slots were taken back gets no more
// than half of them, until one of its requests is answered.
func TestSlotsOfSlowKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4)
		given := make(chan *slot, 10)
		take := func(key string) {
			go func() {
				if slot, err := s.acquire(t.Context(), key, true); err == nil {
					given <- slot
				}
			}()
			synctest.Wait()
		}
		for range 4 {
			take("slow")
		}
		slots := []*slot{<-given, <-given, <-given, <-given}
		time.Sleep(preemptAfter)
		take("other") // takes one
		if !slots[0].wasPreempted() {
			t.Fatal("nothing was taken back")
		}
		slots[0].release(false)
		synctest.Wait()
		slots[1].release(false)
		take("slow")
		take("slow")
		if got := len(s.owners["slow"].held); got != 2 {
			t.Errorf("the slow key has %d slots, want 2", got)
		}
		slots[2].release(true)
		synctest.Wait()
		if got := len(s.owners["slow"].held); got != 3 {
			t.Errorf("after an answer it has %d slots, want 3", got)
		}
	})
}
