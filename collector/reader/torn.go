package reader

import (
	"context"
	"fmt"
	"slices"

	"dcs_session_exporter/dcsapi"
)

// rereads is how often a list that changed while it was read is read again.
const rereads = 2

// readList reads a whole list, again if it changes meanwhile. start is a list
// whose first page was read, or nil. fresh makes an empty list. unchanged
// reports, after a first page, whether its list is one that was read before; if
// so, readList returns nil. onTorn is called for each list that changed. Where
// reading fails midway, readList returns what was read besides the error.
func readList(ctx context.Context, start *list, fresh func() *list, unchanged func(dcsapi.Page) bool, onTorn func()) (*list, error) {
	l := start
	var missing []int64
	for try := 0; ; try++ {
		if l == nil {
			l = fresh()
			if _, err := l.page(ctx, 0, false); err != nil {
				return nil, err
			}
		}
		if unchanged(l.first) {
			return nil, nil
		}
		if err := l.rest(ctx); err != nil {
			return l, err
		}
		missing = append(missing, l.missing())
		steady := len(slices.Compact(slices.Clone(missing))) == 1
		switch v := l.judge(steady && try == rereads); {
		case v == whole, v == mixedTimes && try == rereads:
			return l, nil
		case v == wrong:
			return nil, l.failed(fmt.Sprintf("the API seems to ignore offset: a further page has only sessions that were listed before (%d so far, where the API counts %d)", l.sessions.Len(), l.first.Count))
		case try == rereads:
			onTorn()
			return nil, l.failed(fmt.Sprintf("%d readings gave pages that do not fit together (last %d sessions, %d of them distinct, where the API counts %d): the list changes while it is read, or the API pages it in a way that is not documented. If this persists, report this line", rereads+1, l.pages.sessions, l.sessions.Len(), l.first.Count))
		}
		onTorn()
		l = nil
	}
}

// verdict is what the pages that were read amount to.
type verdict int

const (
	whole      verdict = iota // one list
	torn                      // the list changed meanwhile
	mixedTimes                // times differ, but no session is missing or repeated
	wrong                     // no list can come of it
)

// judge returns what the pages amount to. met says that the difference between
// the count and what was found is accounted for.
func (l *list) judge(met bool) verdict {
	sameTime := len(l.times) <= 1
	distinct := l.sessions.Len()
	count, found := l.first.Count, int64(distinct+l.pages.lost)
	repeats := l.pages.sessions > distinct
	met = met || count == found || l.profile.accountsFor(count, found)
	switch {
	case sameTime && l.pages.offsetIgnored:
		return wrong
	case sameTime && count == found && l.sessions.Unique():
		return whole
	case !sameTime && !repeats && l.sessions.Unique() && met:
		return mixedTimes
	case sameTime && repeats && !l.pages.repetitionsExplained(count, distinct):
		return torn
	case sameTime && l.sessions.Unique() && (!l.sessions.SharesIDs() || count < 0 || found <= count):
		return whole
	default:
		return torn
	}
}

// missing returns by how much the count exceeds what was found.
func (l *list) missing() int64 {
	return l.first.Count - int64(l.sessions.Len()+l.pages.lost)
}
