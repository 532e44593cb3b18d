package web

import (
	"fmt"
	"strings"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/sessiontable"
)

// tableView is the table.
type tableView struct {
	Page       *sessiontable.Page
	Age        string
	Old        bool   // older than expected
	Late       string // why it is not the list that was requested last
	ReadAt     string
	Range      string
	Selection  string // "" if all sessions are shown
	Searched   string // who selected, "" if the API did
	Columns    []columnView
	Rows       []tableRow
	Pages      []step
	Here       string
	Unfiltered string
	JSON, CSV  string
}

// tableRow is a session, and the link to its node if several nodes are shown.
type tableRow struct {
	Node  *step
	Cells []cell
}

// columnView is a column's header.
type columnView struct {
	*sessiontable.Column
	Link     string
	AriaSort string
	Arrow    string
}

// cell is a value.
type cell struct {
	Text    string
	Title   string // the raw value if Text is not, or an explanation
	Class   string
	Address bool
	Only    string // link to only this address
}

const (
	oldAge  = time.Minute     // older lists are marked
	lateAge = 2 * time.Second // a list that is this much older than the last scan is not its result
)

// newTableView returns the table of a page.
func newTableView(p *sessiontable.Page, state reader.ScanState) *tableView {
	q := p.Query
	t := &tableView{Page: p, Age: sentence(p.AgeWords()), Old: p.Taken.IsZero() || p.Age > oldAge, Range: p.Range(), Here: link(q), ReadAt: clock(time.Now()), Selection: p.Selection()}
	if p.Searched > 0 {
		t.Searched = fmt.Sprintf("The exporter read %s and selected from them: the API selects by IP and IP:port only.", count(p.Searched, "session", "sessions"))
	}
	if !state.At.IsZero() && !p.Taken.IsZero() && p.Age > time.Since(state.At)+lateAge {
		t.Late = "The list requested " + since(state.At) + " ago is not ready: reload in a few seconds. If it does not come, its scan failed."
	}
	with := func(change func(*sessiontable.Query)) string {
		other := q
		change(&other)
		return link(other)
	}
	t.Unfiltered = with(func(q *sessiontable.Query) {
		q.Addr, q.User, q.Name, q.Command, q.Group, q.Offset = "", "", "", "", "", 0
	})
	t.JSON, t.CSV = t.Here+"&format="+formatJSON, t.Here+"&format="+formatCSV
	shown := p.Shown()
	for _, c := range shown {
		column := columnView{Column: c}
		sorted := sessiontable.Query{Sort: c.Name}.WithDefaults()
		if c.Name == q.Sort {
			column.Arrow, column.AriaSort, sorted.Order = " ▲", "ascending", sessiontable.Descending
			if q.Order == sessiontable.Descending {
				column.Arrow, column.AriaSort, sorted.Order = " ▼", "descending", sessiontable.Ascending
			}
		}
		column.Link = t.Here
		if c.Sortable() {
			column.Link = with(func(q *sessiontable.Query) { q.Sort, q.Order, q.Offset = sorted.Sort, sorted.Order, 0 })
		}
		t.Columns = append(t.Columns, column)
	}
	for i := range p.Sessions {
		row := tableRow{Cells: make([]cell, len(shown))}
		if p.Nodes != nil {
			row.Node = &step{sessiontable.NodeLabel(p.Nodes[i]), with(func(q *sessiontable.Query) { q.Node, q.Offset = p.Nodes[i].ID, 0 })}
		}
		for k, c := range shown {
			row.Cells[k] = newCell(c, &p.Sessions[i])
			if ip, _, ok := aggregate.ParseIP(row.Cells[k].Text); ok && c.Name == "addr" && ip != q.Addr {
				row.Cells[k].Only = with(func(q *sessiontable.Query) { q.Addr, q.Offset = ip, 0 })
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Pages = steps(p, func(offset int) string { return with(func(q *sessiontable.Query) { q.Offset = offset }) })
	return t
}

// longest is the maximum length of a value on the page, in terminal cells. JSON
// and CSV have the whole value.
const longest = 256

// newCell returns a session's value in a column.
func newCell(c *sessiontable.Column, s *dcsapi.Session) cell {
	out := cell{Text: sessiontable.Cut(c.Human(s), longest), Address: c.Name == "addr" || c.Name == "peer"}
	raw, there := c.Raw(s)
	switch {
	case !there:
		out.Title = "the API's answer did not contain it"
	case c.Unit == sessiontable.Seconds:
		out.Title = raw + " s"
	case c.Unit == sessiontable.Bytes:
		out.Title = raw + " bytes"
	case c.Name == "flags":
		out.Title = strings.Join(aggregate.FlagNames(s.Flags), ", ")
	case c.Name == "addr" && aggregate.AddressOptions{}.Masked(s):
		out.Title = "the address of a VPC endpoint instead of the client's: client IP pass-through is off"
	case c.Unit == sessiontable.Text && len(raw) > 30:
		out.Title = sessiontable.Cut(c.Human(s), 4*longest) // Text may be cut
	}
	switch {
	case c.Right():
		out.Class = "right"
	case !out.Address:
		out.Class = "text"
	}
	return out
}

// steps returns the links to the other pages of the table.
func steps(p *sessiontable.Page, at func(offset int) string) []step {
	all := []step{{Text: "« first"}, {Text: "‹ previous"}, {Text: "next ›"}, {Text: "last »"}}
	if p.Offset > 0 {
		all[0].Link, all[1].Link = at(0), at(max(0, p.Offset-p.Limit))
	}
	if more := p.Offset + p.Limit; len(p.Sessions) == p.Limit && (p.Count < 0 || int64(more) < p.Count) {
		all[2].Link = at(more)
	}
	if p.Count > 0 {
		if last := (int(p.Count) - 1) / p.Limit * p.Limit; last != p.Offset {
			all[3].Link = at(last)
		}
	}
	return all
}
