package sessiontable

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
)

// ReadAll reads the sessions that a query asks for on several nodes of a target,
// one node after the other, and merges them. It fails if one of the nodes cannot
// be read. The time of the page is that of the oldest list.
func ReadAll(ctx context.Context, l Lister, t *fleet.Target, nodes []dcsapi.Node, q Query) (*Page, error) {
	all := &Page{Query: q, InstanceName: t.Details.Name, Region: t.Region, ProjectID: t.ProjectID, Nodes: []dcsapi.Node{}}
	all.Instance, all.Node = t.ID, AllNodes
	var rows []row
	of := q
	of.Offset, of.Limit = 0, min(q.Offset+q.Limit, MaxLimit)
	for k, node := range nodes {
		p, err := Read(ctx, l, t, node, of)
		if err != nil {
			return nil, err
		}
		if k == 0 || p.Taken.IsZero() || (!all.Taken.IsZero() && p.Taken.Before(all.Taken)) {
			all.Time, all.Taken, all.Age = p.Time, p.Taken, p.Age
		}
		if all.Count >= 0 && p.Count >= 0 {
			all.Count += p.Count
		} else {
			all.Count = -1
		}
		all.Changed, all.Cut = all.Changed || p.Changed, all.Cut || p.Cut
		all.Unreadable += p.Unreadable
		all.Searched += p.Searched
		for i := range p.Sessions {
			rows = append(rows, row{&p.Sessions[i], node})
		}
	}
	column := &columns[slices.Index(Names(), q.Sort)]
	slices.SortStableFunc(rows, func(a, b row) int {
		if q.Order == Descending {
			return column.compare(b.Session, a.Session)
		}
		return column.compare(a.Session, b.Session)
	})
	for _, r := range part(rows, q) {
		all.Sessions, all.Nodes = append(all.Sessions, *r.Session), append(all.Nodes, r.node)
	}
	return all, nil
}

// row is a session and its node.
type row struct {
	*dcsapi.Session
	node dcsapi.Node
}

// compare compares sessions by a column, as the API sorts them.
func (c *Column) compare(a, b *dcsapi.Session) int {
	if c.text == nil {
		return cmp.Compare(c.number(a), c.number(b))
	}
	if c.Numeric() {
		m, _ := strconv.ParseInt(c.text(a), 10, 64)
		n, _ := strconv.ParseInt(c.text(b), 10, 64)
		return cmp.Compare(m, n)
	}
	return cmp.Compare(c.text(a), c.text(b))
}

// NodeLabel returns a node's name, or its id if it has none.
func NodeLabel(n dcsapi.Node) string { return printable.Name(cmp.Or(n.Name, n.ID)) }
