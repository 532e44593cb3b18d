package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/go-kit/log/level"
)

var (
	//go:embed sessions.html
	sessionsHTML string
	//go:embed sessions.css
	sessionsCSS string

	sessionsTemplate = template.Must(template.New("sessions").Parse(sessionsHTML))

	// contentSecurityPolicy allows nothing but the page's own style.
	contentSecurityPolicy = func() string {
		sum := sha256.Sum256([]byte(sessionsCSS))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	}()
)

// sessionsPage is the data of the page's template.
type sessionsPage struct {
	Style     template.CSS
	Demo      bool
	Query     sessiontable.Query
	Instance  string // its readable name
	Problem   string
	Instances []choice
	Kept      []parameter // kept when another instance is chosen
	Nodes     []choice
	Grouped   bool // there are client groups
	All       bool // all nodes are shown
	Switches  []toNode
	Links     []step // to all choices, if nothing is chosen yet
	Sorts     []choice
	Orders    []choice
	Limits    []choice
	Scan      *scanView  // nil if no node is chosen
	Table     *tableView // nil if nothing was read
}

// choice is an option of a list to choose from.
type choice struct {
	Value, Text string
	Selected    bool
}

// parameter is a parameter of a URL or a form.
type parameter struct{ Name, Value string }

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

// step is a link to another view. Link is "" if there is none.
type step struct{ Text, Link string }

// render serves the page with what was found, and with the error.
func (t *sessions) render(w http.ResponseWriter, v *view, err error) {
	targets, notFound := v.collector.Fleet().Targets()
	if err == nil && v.target == nil {
		err = notFound // why there is nothing to choose from
	}
	p := sessionsPage{Style: template.CSS(sessionsCSS), Demo: t.Demo, Query: v.query}
	status := http.StatusOK
	if err != nil {
		status = explain(w, err)
		p.Problem = problem(err)
	}
	p.choices(v, targets)
	if v.node.ID != "" {
		state := v.collector.Reader(v.target).ScanState(v.target.ID, v.node.ID)
		p.Scan = newScanView(v.query, state)
		if v.page != nil {
			p.Table = newTableView(v.page, state)
		}
	} else if v.page != nil {
		p.Table = newTableView(v.page, reader.ScanState{})
	}
	var out bytes.Buffer
	if err := sessionsTemplate.Execute(&out, &p); err != nil {
		level.Error(t.Logger).Log("msg", "cannot show sessions", "err", err)
		say(w, http.StatusInternalServerError, "Cannot show the page; the exporter's log says why. format=json and format=csv may work.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // an error means that the client is gone
}

// wantsChoice reports whether the error only asks for a choice that the page
// offers.
func wantsChoice(err error) bool {
	node, ok := errors.AsType[sessiontable.NodeError](err)
	return errors.Is(err, errNoInstance) || (ok && node.Asked == "")
}

// problem returns the page's text for an error. The page itself lists the
// choices.
func problem(err error) string {
	if node, ok := errors.AsType[sessiontable.NodeError](err); ok {
		if node.Asked == "" {
			return "The instance has several nodes."
		}
		return "The instance has no node " + printable.Name(node.Asked) + " that holds sessions: choose one that does."
	}
	if instance, ok := errors.AsType[sessiontable.InstanceError](err); ok && !instance.Several {
		return "No instance " + printable.Name(instance.Asked) + " is configured or discovered."
	}
	return sentence(err.Error())
}

// sentence turns a text into a sentence.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// choices fills in the choices.
func (p *sessionsPage) choices(v *view, targets []*fleet.Target) {
	q := v.query
	for _, t := range targets {
		text := printable.Name(t.ID)
		if t.Details.Name != "" {
			text = printable.Name(t.Details.Name) + " · " + text
		}
		p.Instances = append(p.Instances, choice{t.ID, text, t.ID == dcsapi.CanonicalInstanceID(q.Instance)})
	}
	slices.SortStableFunc(p.Instances, func(a, b choice) int { return cmp.Compare(a.Text, b.Text) })
	for _, kept := range parameters(q) {
		if kept.Name == "sort" || kept.Name == "order" || kept.Name == "limit" {
			p.Kept = append(p.Kept, kept)
		}
	}
	if v.target == nil {
		p.Links = links(p.Instances, func(id string) sessiontable.Query { q.Instance, q.Node = id, ""; return q })
		return
	}
	p.Instance = sessiontable.Named(v.target.Details.Name, v.target.ID)
	for _, n := range v.nodes {
		words := slices.DeleteFunc([]string{n.Name, n.Role, n.Type, n.ID}, func(s string) bool { return s == "" })
		p.Nodes = append(p.Nodes, choice{n.ID, printable.Name(strings.Join(words, " · ")), n.ID == v.node.ID})
	}
	p.All, p.Grouped = q.Node == sessiontable.AllNodes, v.collector.Groups() != nil
	if v.node.ID != "" || p.All {
		p.Switches = switches(v.nodes, q)
	} else {
		p.Links = links(p.Nodes, func(id string) sessiontable.Query { q.Node = id; return q })
	}
	for _, name := range sessiontable.Names() {
		p.Sorts = append(p.Sorts, choice{name, name, name == q.Sort})
	}
	usual := sessiontable.Query{Sort: q.Sort}.WithDefaults().Order == q.Order
	p.Orders = []choice{
		{"", "default", usual},
		{sessiontable.Ascending, "ascending", !usual && q.Order == sessiontable.Ascending},
		{sessiontable.Descending, "descending", !usual && q.Order == sessiontable.Descending},
	}
	limits := []int{20, sessiontable.DefaultLimit, 100, 200, 500, dcsapi.MaxLimit}
	if !slices.Contains(limits, q.Limit) && q.Limit > 0 && q.Limit < dcsapi.MaxLimit {
		limits = append(limits, q.Limit)
		slices.Sort(limits)
	}
	for _, n := range limits {
		p.Limits = append(p.Limits, choice{strconv.Itoa(n), "", n == q.Limit})
	}
}

// links returns choices as links.
func links(choices []choice, query func(value string) sessiontable.Query) []step {
	out := make([]step, len(choices))
	for i, c := range choices {
		out[i] = step{c.Text, link(query(c.Value))}
	}
	return out
}

// parameters returns the parameters of a query, sorted by name.
func parameters(q sessiontable.Query) []parameter {
	var all []parameter
	for name, values := range q.Values() {
		all = append(all, parameter{name, values[0]})
	}
	slices.SortFunc(all, func(a, b parameter) int { return cmp.Compare(a.Name, b.Name) })
	return all
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
