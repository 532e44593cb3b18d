package sessiontable

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"dcs_session_exporter/internal/printable"

	"golang.org/x/text/width"
)

// Range says which part of the list this is.
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

// Summary says in a line which part of the list this is, and how old it is.
func (p *Page) Summary() string {
	text := p.Range()
	if p.Addr != "" {
		text += " from " + printable.Text(p.Addr)
	}
	text += fmt.Sprintf(", by %s %s; %s", p.Sort, p.Order, p.AgeWords())
	if p.Changed {
		text += "; its pages do not make one list, as it was taken anew while it was read: sessions may be missing"
	}
	if p.Unreadable > 0 {
		text += fmt.Sprintf("; sessions left out because they are too large to be read: %d (look for a client with a huge name)", p.Unreadable)
	}
	return text
}

// AgeWords says how old the list is.
func (p *Page) AgeWords() string {
	if p.Taken.IsZero() {
		return "it is not known when the list was taken"
	}
	return fmt.Sprintf("the list was taken %s ago (%s)", Duration(p.Age), p.Taken.UTC().Format(time.RFC3339))
}

// Title names the instance and the node.
func (p *Page) Title() string {
	return Named(p.InstanceName, p.Instance) + ", node " + Named(p.NodeName, p.Node)
}

// Named returns a name with the id behind it, or the id alone.
func Named(name, id string) string {
	if name == "" {
		return printable.Name(id)
	}
	return printable.Name(name) + " (" + printable.Name(id) + ")"
}

// always is how many columns, from the first, are shown in any case.
const always = 10

// Shown returns the columns that have something to show to people: those that
// tell most and the one that it is sorted by, and of the others those in which
// a session has more than nothing, and a peer that is not its address.
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
	}
	return shown
}

// WriteText writes the page as a table for a terminal: a line that says what
// it is, then a line per session with the columns that have something to show,
// sizes and durations in large units, numbers to the right.
func (p *Page) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", p.Title(), p.Summary())
	if len(p.Sessions) > 0 {
		b.WriteByte('\n')
		p.writeRows(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widest is how many cells of a terminal a value takes at most: one client's
// long name must not push all others' lines apart.
const widest = 64

func (p *Page) writeRows(b *strings.Builder) {
	shown := p.Shown()
	rows := make([][]string, 1+len(p.Sessions))
	widths := make([]int, len(shown))
	for k, c := range shown {
		rows[0] = append(rows[0], strings.ToUpper(c.Name))
		for i := range p.Sessions {
			rows[i+1] = append(rows[i+1], Cut(c.Human(&p.Sessions[i]), widest))
		}
		for _, row := range rows {
			widths[k] = max(widths[k], cells(row[k]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for k, c := range shown {
			pad := strings.Repeat(" ", widths[k]-cells(row[k]))
			if c.Right() {
				row[k] = pad + row[k]
			} else {
				row[k] += pad
			}
			line.WriteString(row[k] + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// Cut returns a printable text, cut off where it takes more than so many of a
// terminal's cells, which "…" shows.
func Cut(s string, most int) string {
	if len(s) <= most || (len(s) <= 8*most && cells(s) <= most) {
		return s
	}
	taken, combining := 0, 0 // what is drawn over one letter has an end, too
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

// cells returns how many of a terminal's cells a printable text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			continue // drawn over the one before
		}
		n++
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}
