package aggregate

import (
	"math"
	"slices"
)

// run is a page on which ids rise: their range, and which of the sessions it has.
type run struct {
	first, last uint64
	from, to    int
}

// rises reports whether a session's key is above those before it on its page, which
// it may begin, and not among those of another page.
func (s *SessionSet) rises(key uint64, begins bool) bool {
	if !begins {
		rises := s.current.last < key && key < s.below
		s.current.last = key
		return rises
	}
	s.closeRun()
	s.current.first, s.current.last, s.below = key, key, math.MaxUint64
	at := s.above(key)
	if at < len(s.runs) {
		s.below = s.runs[at].first
	}
	return at == 0 || s.runs[at-1].last < key
}

// closeRun adds the last page to the runs.
func (s *SessionSet) closeRun() {
	if s.current.from < len(s.sessions) {
		s.current.to = len(s.sessions)
		s.runs = slices.Insert(s.runs, s.above(s.current.first), s.current)
	}
	s.current = run{from: len(s.sessions)}
}

// above returns the index of the first page whose ids are above a key.
func (s *SessionSet) above(key uint64) int {
	at, _ := slices.BinarySearchFunc(s.runs, key, func(r run, key uint64) int {
		if r.first <= key {
			return -1
		}
		return 1
	})
	return at
}
