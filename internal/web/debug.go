package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/sessiontable"
)

// debug scrapes the instance in the parameter target and serves, as text, what
// that did. It takes part in the scrapes: the rate limit and min_interval apply.
func (t *sessions) debug(w http.ResponseWriter, r *http.Request, s Settings) {
	target, status, text := probed(r, s)
	if target == nil {
		say(w, status, text)
		return
	}
	say(w, http.StatusOK, strings.TrimSuffix(explanation(s.Collector.Explain(r.Context(), target)), "\n"))
}

// explanation words what a scrape did.
func explanation(e *collector.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, region %s, project %s\n", sessiontable.Named(e.Details.Name, e.ID), printable.Name(e.Region), printable.Name(cmp.Or(e.ProjectID, "not known")))
	fmt.Fprintf(&b, "One scrape at %s took %s of at most %s.\n", e.Start.UTC().Format(time.RFC3339), rounded(e.End.Sub(e.Start)), rounded(e.Deadline.Sub(e.Start)))
	b.WriteString("Lists of instances and nodes come from memory, and are renewed in the background: those requests are not shown.\n")
	switch {
	case e.Skipped != "":
		fmt.Fprintf(&b, "The instance was not read on purpose: %s.\n", e.Skipped)
	case e.Err != nil:
		fmt.Fprintf(&b, "The nodes are not known: %s\n", printable.Lines(e.Err.Error()))
	}
	b.WriteString("\nPHASES, AND WHEN THEY HAD TO END\n")
	for _, p := range e.Phases {
		fmt.Fprintf(&b, "  +%-8s %s\n", rounded(p.End.Sub(e.Start)), p.Name)
	}
	b.WriteString("\nNODES\n")
	for _, n := range e.Nodes {
		b.WriteString(nodeExplained(n, e.End))
	}
	b.WriteString("\nSTEPS\n")
	for _, s := range e.Steps {
		fmt.Fprintf(&b, "  +%-8s %s%s\n", rounded(s.At.Sub(e.Start)), ofNode(s.Node), printable.Lines(s.Text))
	}
	b.WriteString("\nREQUESTS\n")
	rows := [][]string{{"  AT", "RATE WAIT", "SLOT WAIT", "TOOK", "STATUS", "OPERATION", "NODE", "REQUEST ID"}}
	slices.SortStableFunc(e.Exchanges, func(a, b dcsapi.Exchange) int { return a.Begun.Compare(b.Begun) })
	for _, x := range e.Exchanges {
		_, node, _ := strings.Cut(x.Node, "/")
		rows = append(rows, []string{
			"  +" + rounded(x.Begun.Sub(e.Start)), rounded(x.Rate), rounded(x.Slot), rounded(x.Took), statusWord(x), x.Operation,
			cmp.Or(printable.Name(node), "-"), cmp.Or(printable.Name(x.RequestID), "-"),
		})
	}
	sessiontable.Align(&b, rows, nil)
	for _, x := range e.Exchanges {
		if x.Err != nil {
			fmt.Fprintf(&b, "  +%s %s\n", rounded(x.Begun.Sub(e.Start)), printable.Lines(x.Err.Error()))
		}
	}
	if len(e.Exchanges) == 0 {
		b.WriteString("  none\n")
	}
	if e.Lost > 0 {
		fmt.Fprintf(&b, "\nToo much to show all of it: %d more requests and steps.\n", e.Lost)
	}
	return b.String()
}

// nodeExplained words what a scrape has of a node.
func nodeExplained(n collector.ExplainedNode, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s: ", sessiontable.Named(n.Name, n.ID))
	switch {
	case n.Deferred:
		fmt.Fprintf(&b, "there was no time to read it: %s\n", printable.Lines(n.Err.Error()))
	case n.Err != nil:
		fmt.Fprintf(&b, "not read after %s, reason %s: %s\n", rounded(n.Took), dcsapi.ReasonOf(n.Err), printable.Lines(n.Err.Error()))
	default:
		age := "of unknown age"
		if !n.Taken.IsZero() {
			age = "taken " + n.Taken.UTC().Format(time.RFC3339) + ", " + sessiontable.Duration(max(0, now.Sub(n.Taken))) + " ago"
		}
		fmt.Fprintf(&b, "read in %s: %d sessions (%d by the API's count), list %s\n", rounded(n.Took), n.Sessions, n.Reported, age)
	}
	for _, w := range n.Warnings {
		fmt.Fprintf(&b, "    warning %s: %s\n", dcsapi.ReasonOf(w), printable.Lines(w.Error()))
	}
	for _, dimension := range slices.Sorted(maps.Keys(n.Folded)) {
		if folded := n.Folded[dimension]; folded > 0 {
			fmt.Fprintf(&b, "    folded into other: %d %s\n", folded, dimension)
		}
	}
	return b.String()
}

// statusWord words how a request ended.
func statusWord(x dcsapi.Exchange) string {
	switch {
	case x.Status != 0:
		return fmt.Sprint(x.Status)
	case x.Took == 0:
		return "not sent"
	default:
		return "no answer"
	}
}

// ofNode returns the beginning of a line about a node.
func ofNode(id string) string {
	if id == "" {
		return ""
	}
	return printable.Name(id) + ": "
}

// rounded words a duration to the millisecond.
func rounded(d time.Duration) string { return d.Round(time.Millisecond).String() }
