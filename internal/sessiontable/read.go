package sessiontable

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"dcs_session_exporter/collector"
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
}

// Read reads the sessions that a query asks for: one page of the API's, or
// several one after the other if it wants more than one holds. Query.Node is
// one of the target's nodes.
func Read(ctx context.Context, c *collector.Collector, t *collector.Target, node dcsapi.Node, q Query) (*Page, error) {
	q.Instance, q.Node = t.ID, node.ID
	seen := make(map[string]bool)
	received, before := 0, 0
	out := &Page{Query: q, InstanceName: t.Details.Name, NodeName: node.Name, Region: t.Region, ProjectID: t.ProjectID}
	for first := true; len(out.Sessions) < q.Limit; first = false {
		limit := min(q.Limit-len(out.Sessions), dcsapi.MaxLimit)
		page, err := c.ListClients(ctx, t, dcsapi.ListClientsRequest{
			NodeID: q.Node, Addr: q.Addr, Sort: q.Sort, Order: q.Order, Limit: limit, Offset: q.Offset + received,
		}, func(sessions iter.Seq[*dcsapi.Session]) {
			for s := range sessions {
				if len(out.Sessions) == q.Limit {
					return // whatever the API sends
				}
				kept := s.Clone() // the strings of s do not last
				id := cmp.Or(kept.ID, kept.Addr+" "+kept.FD)
				if seen[id] {
					out.Changed = true
					continue
				}
				seen[id] = true
				out.Sessions = append(out.Sessions, kept)
			}
		})
		received += page.Sessions
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, advice(err))
		}
		if first {
			out.Time, out.Taken, out.Count = page.Time, page.Taken, page.Count
			now := page.Date
			if now.IsZero() {
				now = time.Now()
			}
			out.Age = max(0, now.Sub(page.Taken))
		}
		out.Changed = out.Changed || page.Time != out.Time
		if page.Sessions < limit || received >= MaxLimit {
			break
		}
		if len(out.Sessions) == before {
			return nil, &dcsapi.Error{
				Op: "list sessions of node " + q.Node + " of instance " + q.Instance, Reason: dcsapi.ReasonInconsistent,
				Message: "a page has only sessions of pages before: read again, with a smaller limit",
			}
		}
		before = len(out.Sessions)
	}
	return out, nil
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
