package sessiontable

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
)

// Page is the result of a query.
type Page struct {
	Query
	InstanceName string // "" if unknown
	NodeName     string
	Region       string
	ProjectID    string

	Time     string        // when the list was taken, in the API's form; "" if it did not say
	Taken    time.Time     // the same; zero if unknown
	Age      time.Duration // of the list, by the API's clock if known; valid if Taken is set
	Count    int64         // matching sessions, by the API's count; -1 if it did not say
	Changed  bool          // the list changed while it was being read: sessions may be missing
	Sessions []dcsapi.Session

	// Unreadable is the number of sessions left out because each alone makes the
	// answer too large.
	Unreadable int

	// Searched is how many sessions the table selected from, where the API cannot
	// select; 0 if the API did it. Cut says that the list has more.
	Searched int
	Cut      bool

	// Nodes has the node of each session where the page shows several nodes; nil
	// for a page of one node.
	Nodes []dcsapi.Node
}

// Lister lists the sessions of a project's nodes; a reader.Reader is one.
type Lister interface {
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
}

// Read reads the sessions that a query asks for. Query.Node is one of the target's
// nodes.
func Read(ctx context.Context, l Lister, t *fleet.Target, node dcsapi.Node, q Query) (*Page, error) {
	if q.selects() {
		return search(ctx, l, t, node, q)
	}
	return readPages(ctx, l, t, node, q)
}

// readPages reads the sessions of a query that the API answers: one page of the API's, or
// several one after the other if it wants more than one holds, or if the server
// puts fewer on a page.
func readPages(ctx context.Context, l Lister, t *fleet.Target, node dcsapi.Node, q Query) (*Page, error) {
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

// identity distinguishes the sessions of a list. On some nodes the id alone is
// not unique.
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
	pageOf    map[string]int // last page that had an id
	repeats   int            // sessions that appeared on several pages
	short     int            // how many sessions fewer than requested the last page had
	overlap   int            // how many repeats short pages explain, because they may hide sessions
	ended     bool           // the end of the list was reached
	twins     bool           // several sessions of one page share an id
	inherited bool           // a session has the id of another session on an earlier page
	otherTime bool           // not all pages have the same time
	largest   int            // sessions on the largest page
}

// maxUnreadable is how many sessions may be too large to read before reading
// fails.
const maxUnreadable = 5

// next reads the next page and reports whether to continue.
func (r *pages) next(ctx context.Context) (more bool, err error) {
	out := r.page
	before := len(out.Sessions)
	limit := min(out.Limit-before, r.size)
	page, err := r.lister.ListClients(ctx, dcsapi.ListClientsRequest{
		InstanceID: out.Instance, NodeID: out.Node, Addr: out.Addr, Sort: out.Sort, Order: out.Order, Limit: limit, Offset: r.at, Extra: true,
	}, func(sessions iter.Seq[*dcsapi.Session]) {
		for s := range sessions {
			if len(out.Sessions) == out.Limit {
				return // even if the API sends more than requested
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
			Message: "a page contains only sessions of earlier pages: read again with a smaller limit",
		}
	case fresh == 0: // the rest of count is hidden sessions
		r.ended = true
		return false, nil
	}
	r.largest = max(r.largest, page.Sessions)
	r.at += page.Sessions
	return r.wantsMore(), nil
}

// add adds a session if it is new. It copies s, whose strings are only valid
// during the call.
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
	r.page.setGroup(&kept)
	r.seen[key], r.pageOf[kept.ID] = true, r.count
	r.page.Sessions = append(r.page.Sessions, kept)
}

// note records what a page says apart from its sessions.
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

// wantsMore reports whether there may be more sessions for the query.
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

// advice returns what to do about an error, "" if its text says so already.
func advice(err error) string {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonServer:
		return "; if the node was never scanned there is no list yet: take one (--scan, or the button on /sessions)"
	case dcsapi.ReasonBusy:
		return "; its first scan may be in progress: try again in a few seconds"
	case dcsapi.ReasonThrottled:
		return "; the project's requests are held off: try again in a minute"
	case dcsapi.ReasonForbidden:
		return "; grant dcs:clients:list to the key's user"
	case dcsapi.ReasonUnsupported:
		return "; Redis 3.0 and some regions have no session management"
	default:
		return ""
	}
}
