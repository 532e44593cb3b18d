package reader

import "time"

// pagingProfile is what the lists of a node have taught about the next one. The
// zero value knows nothing.
type pagingProfile struct {
	size    int       // sessions on a page where the server caps pages, 0 if it is not known to
	hidden  int64     // by how much the count exceeds what the list shows
	checked time.Time // when that was verified last, zero if hidden is not known
}

// at returns the profile as it counts at a time: what was verified longer ago
// than ttl has to be verified again.
func (h pagingProfile) at(now time.Time, ttl time.Duration) pagingProfile {
	if !h.checked.IsZero() && now.Sub(h.checked) >= ttl {
		h.checked = time.Time{}
	}
	return h
}

// accountsFor reports whether a difference between the count and what was found is
// the one that is known already.
func (h *pagingProfile) accountsFor(count, found int64) bool {
	return count >= 0 && !h.checked.IsZero() && count-found == h.hidden
}

// learn returns the profile after a list that was read whole at a time.
func (h pagingProfile) learn(p *pagesRead, count int64, distinct int, now time.Time) pagingProfile {
	found := int64(distinct + p.lost)
	switch {
	case count < 0 || count == found:
		h.hidden, h.checked = 0, time.Time{}
	case !h.accountsFor(count, found):
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
