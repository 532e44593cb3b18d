package sessiontable

import (
	"fmt"
	"time"
	"unicode"

	"dcs_session_exporter/internal/printable"

	"golang.org/x/text/width"
)

// Range describes which part of the list this is.
func (p *Page) Range() string {
	text := "No sessions"
	switch n := len(p.Sessions); {
	case n > 0:
		text = fmt.Sprintf("Sessions %d to %d", p.Offset+1, p.Offset+n)
	case p.Offset > 0:
		text = fmt.Sprintf("No sessions from %d on", p.Offset+1)
	}
	if p.Count >= 0 {
		text += fmt.Sprintf(" of %d", p.Count)
	}
	return text
}

// Summary describes in a line which part of the list this is, and its age.
func (p *Page) Summary() string {
	text := p.Range()
	text += p.Selection()
	text += fmt.Sprintf(", by %s %s; %s", p.Sort, p.Order, p.AgeWords())
	if p.Changed {
		text += "; the list changed while it was being read: sessions may be missing"
	}
	if p.Unreadable > 0 {
		text += fmt.Sprintf("; sessions missing because they are too large to read: %d (look for a client with a huge name)", p.Unreadable)
	}
	if p.Cut {
		text += fmt.Sprintf("; only the first %d sessions were searched, the list has more", p.Searched)
	}
	return text
}

// AgeWords describes how old the list is.
func (p *Page) AgeWords() string {
	if p.Taken.IsZero() {
		return "the list's age is unknown"
	}
	return fmt.Sprintf("the list was taken %s ago (%s)", Duration(p.Age), p.Taken.UTC().Format(time.RFC3339))
}

// Title returns the names of the instance and the node.
func (p *Page) Title() string {
	if p.Nodes != nil {
		return Named(p.InstanceName, p.Instance) + ", all nodes"
	}
	return Named(p.InstanceName, p.Instance) + ", node " + Named(p.NodeName, p.Node)
}

// Named returns a name followed by the id in brackets, or only the id.
func Named(name, id string) string {
	if name == "" {
		return printable.Name(id)
	}
	return printable.Name(name) + " (" + printable.Name(id) + ")"
}

// always is the number of leading columns that are always shown.
const always = 10

// Shown returns the columns worth showing: the first ones, the one that sorts,
// and others that are not empty or zero for every session. peer counts as empty
// if it equals addr.
func (p *Page) Shown() []*Column {
	var shown []*Column
	for k := range columns {
		c := &columns[k]
		something := k < always || c.Name == p.Sort
		for i := 0; i < len(p.Sessions) && !something; i++ {
			s := &p.Sessions[i]
			raw, there := c.Raw(s)
			something = there && raw != "" && raw != "0" && raw != "-1" && (c.Name != "peer" || raw != s.Addr)
		}
		if something {
			shown = append(shown, c)
		}
		if c.Name == "user" && p.grouping.Groups != nil {
			shown = append(shown, p.grouping.column())
		}
	}
	return shown
}

// Cut returns a printable text. If it is wider than most terminal cells, Cut
// shortens it to that width and ends it with "…".
func Cut(s string, most int) string {
	if len(s) <= most || (len(s) <= 8*most && cells(s) <= most) {
		return s
	}
	taken, combining := 0, 0 // also limit combining characters on one letter
	for i, r := range s {
		w := cells(string(r))
		if combining++; w > 0 {
			combining = 0
		}
		if taken += w; taken > most-1 || combining > most {
			return s[:i] + "…"
		}
	}
	return s
}

// cells returns the width of a printable text in terminal cells.
func cells(s string) int {
	n := 0
	for _, r := range s {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			continue // drawn over the previous character
		}
		n++
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}
