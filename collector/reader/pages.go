package reader

import (
	"math"
	"slices"
)

// The API's pages are not always what they are documented to be: a server may
// put fewer sessions on a page than it was asked for, may count sessions that
// it does not show, and may count offsets with or without those. So a short
// page is not the end of a list: an empty page is, or the count being met.

// maxRepeated is how many pages without a new session a list may have: one shows
// that offsets count hidden sessions, one may end the list.
const maxRepeated = 2

// pageRead is one page that was read.
type pageRead struct {
	offset   int
	limit    int // sessions asked for
	sessions int // sessions on it
	fresh    int // of these, sessions that were on no page before
}

// request is a page to ask for.
type request struct{ offset, limit int }

// pagesRead are the pages of one list that were read, and what they tell about
// the others.
type pagesRead struct {
	read     []pageRead // by offset
	sessions int        // on all pages, with repetitions
	lost     int        // sessions that could not be read
	largest  int        // sessions on the largest page
	end      int        // the lowest offset of an empty page

	full          bool // a page had all the sessions that it was asked for
	capped        bool // a page had fewer, although more sessions follow it
	gapless       bool // offsets count hidden sessions: a short page hides some of its own
	over          bool // a page behind all others has no new session
	repeated      int  // pages without a new session
	doubt         bool // a page repeats all of the one before: does the API heed offsets?
	offsetIgnored bool // it does not
	probe         int  // an offset behind the list's last session, to find out
}

func newPagesRead() pagesRead { return pagesRead{end: math.MaxInt, probe: math.MaxInt} }

// add takes note of a page.
func (p *pagesRead) add(page pageRead) {
	at, _ := slices.BinarySearchFunc(p.read, page.offset, func(r pageRead, offset int) int { return r.offset - offset })
	gap := p.hasSessionsFrom(at)
	p.read = slices.Insert(p.read, at, page)
	p.sessions += page.sessions
	p.largest = max(p.largest, page.sessions)
	p.full = p.full || (page.sessions == page.limit && !gap)
	switch {
	case page.sessions == 0 && gap:
		p.gapless = true // what is missing between two pages is hidden
	case page.sessions == 0:
		p.end = min(p.end, page.offset)
		p.doubt = false // offsets are heeded
	case page.offset >= p.probe:
		p.offsetIgnored = true
	case page.fresh == 0:
		p.repeated++
		p.offsetIgnored = p.offsetIgnored || p.repeated > maxRepeated
		p.doubt = at > 0 && page.sessions >= p.read[at-1].sessions
		p.gapless = true
		p.over = p.over || !gap
	case at > 0:
		before := p.read[at-1]
		p.capped = p.capped || (before.sessions < before.limit && before.offset+before.sessions == page.offset)
	}
}

// hasSessionsFrom reports whether a page has sessions, from the one at an index
// on.
func (p *pagesRead) hasSessionsFrom(index int) bool {
	return slices.ContainsFunc(p.read[index:], func(r pageRead) bool { return r.sessions > 0 })
}

// lose takes note of a session that cannot be read.
func (p *pagesRead) lose(offset int) {
	p.add(pageRead{offset: offset, limit: 1, sessions: 1, fresh: 1})
	p.sessions--
	p.lost++
}

// covered returns the offset up to which every session has been on a page.
func (p *pagesRead) covered() int {
	at := 0
	for _, page := range p.read {
		if page.offset > at {
			break
		}
		span := page.sessions
		if p.gapless {
			span = max(span, min(page.limit, p.largest))
		}
		at = max(at, page.offset+span)
	}
	return at
}

// goesOn reports whether the page at an offset may hold anything new. An empty
// page says nothing of those before it, which may still be under way.
func (p *pagesRead) goesOn(offset int) bool {
	return offset < p.end && !p.offsetIgnored && (!p.doubt || offset >= p.probe)
}

// next returns the pages to read now, nil at the end of the list. count is the
// length of the list by the API, -1 if it does not say; distinct is how many
// sessions were found.
func (p *pagesRead) next(count int64, distinct int, habits *pagingProfile) []request {
	covered, found := p.covered(), int64(distinct+p.lost)
	switch {
	case p.offsetIgnored, covered >= p.end, distinct > maxSessions, len(p.read) >= maxPages, p.endless(count, found):
		return nil
	case p.doubt && count > 0:
		p.probe = int(min(count, math.MaxInt32))
		return []request{{p.probe, pageSize}}
	case p.doubt:
		p.offsetIgnored = true
		return nil
	case count == found:
		return nil
	case habits.accountsFor(count, found) && p.endsShort(habits):
		return nil
	}
	last := p.read[len(p.read)-1]
	if last.offset > covered { // a gap between pages
		behind := slices.IndexFunc(p.read, func(r pageRead) bool { return r.offset > covered })
		return []request{{covered, min(pageSize, p.read[behind].offset-covered)}}
	}
	if p.over {
		return nil
	}
	requests := []request{{covered, pageSize}}
	if count < found || (!p.full && !p.capped && (habits.size == 0 || p.largest < habits.size)) {
		return requests // behind the count, or how many sessions a page has shows when this one was read
	}
	size := p.size(habits)
	for offset := covered + size; int64(offset) < min(count, maxSessions+1) && len(requests) < maxPages; offset += size {
		requests = append(requests, request{offset, pageSize})
	}
	return requests
}

// endless reports whether the list goes on far beyond what the API counts.
func (p *pagesRead) endless(count, found int64) bool {
	return count >= 0 && found > 10*count+100_000
}

// size returns how many sessions a page has, as far as can be told.
func (p *pagesRead) size(habits *pagingProfile) int {
	switch {
	case p.capped:
		return p.largest
	case p.full:
		return pageSize
	default:
		return max(habits.size, p.largest)
	}
}

// expected returns how many pages the list has, as far as can be told from some.
func (p *pagesRead) expected(count int64) int {
	pages := int64(len(p.read))
	if p.largest > 0 && count > 0 {
		pages = max(pages, (count+int64(p.largest)-1)/int64(p.largest))
	}
	return int(min(pages, maxPages))
}

// repetitionsExplained reports whether sessions that stand on two pages are no
// sign of a changed list: where offsets count hidden sessions, pages that are
// asked for from the end of the one before overlap by what that one hides.
func (p *pagesRead) repetitionsExplained(count int64, distinct int) bool {
	hidden := count - int64(distinct+p.lost)
	if count < 0 || hidden < 0 {
		return false
	}
	overlap, end := int64(0), 0
	for _, page := range p.read {
		if page.sessions > 0 {
			overlap += min(hidden, int64(max(0, end-page.offset)))
			end = page.offset + page.limit
		}
	}
	return int64(p.sessions-distinct) <= overlap
}

// endsShort reports whether the last page has fewer sessions than a page may
// have.
func (p *pagesRead) endsShort(habits *pagingProfile) bool {
	size := pageSize
	if p.capped {
		size = p.largest
	} else if habits.size > 0 {
		size = habits.size
	}
	return len(p.read) > 0 && p.read[len(p.read)-1].sessions < size
}
