package reader

import "time"

// listHabits are what the lists of a node have taught about the next one. The
// zero value knows nothing.
type listHabits struct {
	size    int       // sessions on a page where the server caps pages, 0 if it is not known to
	hidden  int64     // by how much the count exceeds what the list shows
	checked time.Time // when that was verified last, zero if hidden is not known
}

// at returns the habits as they count at a time: what was verified longer ago
// than ttl has to be verified again.
func (h listHabits) at(now time.Time, ttl time.Duration) listHabits {
	if !h.checked.IsZero() && now.Sub(h.checked) >= ttl {
		h.checked = time.Time{}
	}
	return h
}

// explain reports whether a difference between the count and what was found is
// the one that is known already.
func (h *listHabits) explain(count, found int64) bool {
	return count >= 0 && !h.checked.IsZero() && count-found == h.hidden
}

// learn returns the habits after a list that was read whole at a time.
func (h listHabits) learn(p *pagesRead, count int64, distinct int, now time.Time) listHabits {
	found := int64(distinct + p.lost)
	switch {
	case count < 0 || count == found:
		h.hidden, h.checked = 0, time.Time{}
	case !h.explain(count, found):
		h.hidden, h.checked = count-found, now
	}
	switch {
	case p.capped:
		h.size = p.largest
	case p.largest >= pageSize:
		h.size = 0
	}
	return h
}
