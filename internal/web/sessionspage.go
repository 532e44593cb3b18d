package web

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/sessiontable"
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
	Grouped   bool     // there are client groups
	All       bool     // all nodes are shown
	Switches  []choice // links to the same view of the other nodes, nil if there is only one
	Links     []step   // to all choices, if nothing is chosen yet
	Sorts     []choice
	Orders    []choice
	Limits    []choice
	Scan      *scanView  // nil if no node is chosen
	NextLists string     // when new lists of all nodes are due, "" if a node is chosen or none
	Table     *tableView // nil if nothing was read
}

// choice is an option of a list to choose from, or a link to it.
type choice struct {
	Value, Text string
	Selected    bool
}

// parameter is a parameter of a URL or a form.
type parameter struct{ Name, Value string }

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
		p.NextLists = v.nextLists()
		p.Table = newTableView(v.page, reader.ScanState{})
	}
	t.page(w, status, sessionsTemplate, &p)
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

// switches returns the links that lead from the view of a node to the same view
// of the others, and of all; nil if there is only one node.
func switches(nodes []dcsapi.Node, q sessiontable.Query) []choice {
	if len(nodes) < 2 {
		return nil
	}
	of := func(text, node string) choice {
		other := q
		other.Node, other.Offset = node, 0
		return choice{link(other), text, node == q.Node}
	}
	out := []choice{of("all nodes", sessiontable.AllNodes)}
	for _, n := range nodes {
		out = append(out, of(sessiontable.NodeLabel(n), n.ID))
	}
	return out
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
