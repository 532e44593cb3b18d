package sessiontable

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
)

// Page is what was read for a query.
type Page struct {
	Query
	InstanceName string // "" if it is not known
	NodeName     string
	Region       string
	ProjectID    string

	Time     string        // when the list was taken, as the API wrote it; "" if it did not say
	Taken    time.Time     // the same; zero if it is not known
	Age      time.Duration // of the list, by the API's clock where it says it; with Taken
	Count    int64         // sessions that the query matches, as the API counts them; -1 if it did not say
	Changed  bool          // the pages that were read do not make one list: sessions may be missing
	Sessions []dcsapi.Session

	// Unreadable is how many sessions are left out because the answer would be
	// too large even for one alone.
	Unreadable int
}

// Lister lists the sessions of a project's nodes; a reader.Reader is one.
type Lister interface {
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
}

// Read reads the sessions that a query asks for: one page of the API's, or
// several one after the other if it wants more than one holds, or if the server
// puts fewer on a page. Query.Node is one of the target's nodes.
func Read(ctx context.Context, l Lister, t *fleet.Target, node dcsapi.Node, q Query) (*Page, error) {
	q.Instance, q.Node = t.ID, node.ID
	out := &Page{Query: q, InstanceName: t.Details.Name, NodeName: node.Name, Region: t.Region, ProjectID: t.ProjectID, Count: -1}
	r := &pages{lister: l, target: t, page: out, at: q.Offset, size: dcsapi.MaxLimit, seen: make(map[identity]bool), pageOf: make(map[string]int)}
	for more := true; more; {
		var err error
		if more, err = r.next(ctx); err != nil {
			return nil, fmt.Errorf("%w%s", err, advice(err))
		}
	}
	out.Changed = r.changed()
	return out, nil
}

// identity tells a session apart from others of its list: ids alone do not on
// every node.
type identity struct{ id, addr, peer, fd string }

// pages reads pages one after the other.
type pages struct {
	lister Lister
	target *fleet.Target
	page   *Page
	at     int // the offset to go on from
	size   int // sessions to ask for at most

	count     int // pages read
	seen      map[identity]bool
	pageOf    map[string]int // the page that an id stood on last
	repeats   int            // sessions that stood on several pages
	short     int            // by how many the last page fell short of what was asked for
	overlap   int            // how many repeats that explains: short pages may hide sessions
	ended     bool           // the end of the list was reached
	twins     bool           // several sessions of one page share an id
	inherited bool           // a session has an id that another one had on an earlier page
	otherTime bool           // the pages have different times
	largest   int            // sessions on the largest page
}

// maxUnreadable is how many sessions may be too large to be read.
const maxUnreadable = 5

// next reads the next page, and reports whether to go on.
func (r *pages) next(ctx context.Context) (more bool, err error) {
	out := r.page
	before := len(out.Sessions)
	limit := min(out.Limit-before, r.size)
	page, err := r.lister.ListClients(ctx, dcsapi.ListClientsRequest{
		InstanceID: out.Instance, NodeID: out.Node, Addr: out.Addr, Sort: out.Sort, Order: out.Order, Limit: limit, Offset: r.at,
	}, func(sessions iter.Seq[*dcsapi.Session]) {
		for s := range sessions {
			if len(out.Sessions) == out.Limit {
				return // whatever the API sends
			}
			r.add(s)
		}
	})
	r.target.RefreshNodesAfter(err)
	switch {
	case dcsapi.IsTooLarge(err) && limit > 1:
		r.size = limit / 2
		return true, nil
	case dcsapi.IsTooLarge(err) && out.Unreadable < maxUnreadable:
		out.Unreadable++
		r.at++
		r.size = dcsapi.MaxLimit
		return r.wantsMore(), nil
	case err != nil:
		return false, err
	}
	r.note(page, limit)
	fresh := len(out.Sessions) - before
	switch {
	case page.Sessions == 0:
		return false, nil
	case fresh == 0 && page.Sessions >= r.largest:
		return false, &dcsapi.Error{
			Op: "list sessions of node " + out.Node + " of instance " + out.Instance, Reason: dcsapi.ReasonInconsistent,
			Message: "a page has only sessions of pages before: read again, with a smaller limit",
		}
	case fresh == 0: // what the count says besides is hidden
		r.ended = true
		return false, nil
	}
	r.largest = max(r.largest, page.Sessions)
	r.at += page.Sessions
	return r.wantsMore(), nil
}

// add adds a session, if it is new. Its strings do not last.
func (r *pages) add(s *dcsapi.Session) {
	kept := s.Clone()
	key := identity{kept.ID, kept.Addr, kept.Peer, kept.FD}
	if r.seen[key] {
		r.repeats++
		return
	}
	if on, there := r.pageOf[kept.ID]; there && kept.ID != "" {
		r.twins = r.twins || on == r.count
		r.inherited = r.inherited || on != r.count
	}
	r.seen[key], r.pageOf[kept.ID] = true, r.count
	r.page.Sessions = append(r.page.Sessions, kept)
}

// note takes note of what a page says besides its sessions.
func (r *pages) note(page dcsapi.Page, limit int) {
	out := r.page
	if r.count == 0 {
		out.Time, out.Taken, out.Count = page.Time, page.Taken, page.Count
		now := page.Date
		if now.IsZero() {
			now = time.Now()
		}
		out.Age = max(0, now.Sub(page.Taken))
	}
	r.otherTime = r.otherTime || page.Time != out.Time
	r.overlap += r.short
	r.short = limit - page.Sessions
	r.ended = page.Sessions == 0
	r.count++
}

// wantsMore reports whether there may be more sessions that the query wants.
func (r *pages) wantsMore() bool {
	if len(r.page.Sessions) >= r.page.Limit || r.at-r.page.Offset >= MaxLimit {
		return false
	}
	return r.page.Count < 0 || int64(r.at) < r.page.Count || r.page.Count < r.found()
}

// found returns up to where the list was found to have sessions.
func (r *pages) found() int64 {
	return int64(r.page.Offset + len(r.page.Sessions) + r.page.Unreadable)
}

// changed reports whether the pages do not make one list. Where offsets count
// hidden sessions, a page repeats as many of the one before as that one hides.
func (r *pages) changed() bool {
	overlap := r.overlap
	if r.ended || int64(r.at) >= r.page.Count {
		overlap = int(min(int64(overlap), max(0, r.page.Count-r.found())*int64(r.count)))
	}
	return r.otherTime || r.repeats > overlap || (r.inherited && !r.twins)
}

// advice says what to do about an error, "" if its text does.
func advice(err error) string {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonServer:
		return "; if the node was never scanned there is no list yet: have one taken (--scan, or the button of /sessions)"
	case dcsapi.ReasonBusy:
		return "; its first list may be being taken: try again in some seconds"
	case dcsapi.ReasonThrottled:
		return "; the project's requests are held off: try again in a minute"
	case dcsapi.ReasonForbidden:
		return "; the key's user needs dcs:clients:list"
	case dcsapi.ReasonUnsupported:
		return "; Redis 3.0 and some regions have no session management"
	default:
		return ""
	}
}
