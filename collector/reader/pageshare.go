package reader

import "sync/atomic"

// pageShare divides the pages that a project's lists request at a time among those
// lists, so that one with many pages does not queue up for the rate limit before
// the others. It is safe for concurrent use.
type pageShare struct {
	most  int // pages at a time
	lists atomic.Int32
}

// join adds a list, until the function that it returns is called.
func (s *pageShare) join() (leave func()) {
	s.lists.Add(1)
	return func() { s.lists.Add(-1) }
}

// pages returns how many pages each list may request at a time, at least 1.
func (s *pageShare) pages() int {
	lists := max(1, int(s.lists.Load()))
	return max(1, (s.most+lists-1)/lists)
}
