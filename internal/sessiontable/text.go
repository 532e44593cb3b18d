package sessiontable

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Summary says in a line how old the list is and which part of it this is.
func (p *Page) Summary() string {
	var b strings.Builder
	switch n := len(p.Sessions); {
	case n > 0:
		fmt.Fprintf(&b, "sessions %d to %d", p.Offset+1, p.Offset+n)
	case p.Offset > 0:
		fmt.Fprintf(&b, "no sessions from %d on", p.Offset+1)
	default:
		b.WriteString("no sessions")
	}
	if p.Count >= 0 {
		fmt.Fprintf(&b, " of %d", p.Count)
	}
	if p.Addr != "" {
		fmt.Fprintf(&b, " from %s", Printable(p.Addr))
	}
	fmt.Fprintf(&b, ", by %s %s; %s", p.Sort, p.Order, p.AgeWords())
	if p.Changed {
		b.WriteString("; it was taken anew while it was read: sessions may be missing or there twice")
	}
	return b.String()
}

// AgeWords says how old the list is.
func (p *Page) AgeWords() string {
	if p.Taken.IsZero() {
		return "it is not known when the list was taken"
	}
	return fmt.Sprintf("the list was taken %s ago (%s)", Duration(p.Age), p.Taken.UTC().Format(time.RFC3339))
}

// WriteText writes the page as a table for a terminal: a line that says what
// it is, then a line per session with sizes and durations in large units,
// numbers to the right. Columns in which no session has anything to show are
// left out, but for those that tell most.
func (p *Page) WriteText(w io.Writer) error {
	head := p.Instance
	if p.InstanceName != "" {
		head = Printable(p.InstanceName) + " (" + p.Instance + ")"
	}
	node := p.Node
	if p.NodeName != "" {
		node = Printable(p.NodeName) + " (" + p.Node + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, node %s: %s\n", head, node, p.Summary())
	if len(p.Sessions) > 0 {
		b.WriteByte('\n')
		p.writeRows(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// always is how many columns, from the first, a table has in any case.
const always = 10

func (p *Page) writeRows(b *strings.Builder) {
	type shown struct {
		*Column
		cells []string
		width int
	}
	var table []shown
	for k := range columns {
		c := shown{Column: &columns[k], cells: make([]string, len(p.Sessions))}
		c.width = len(c.Name)
		blank := true
		for i := range p.Sessions {
			c.cells[i] = c.Human(&p.Sessions[i])
			c.width = max(c.width, utf8.RuneCountInString(c.cells[i]))
			raw, _ := c.Raw(&p.Sessions[i])
			blank = blank && (c.cells[i] == "" || raw == "0" || raw == "-1")
		}
		if k < always || !blank || c.Name == p.Sort {
			table = append(table, c)
		}
	}
	line := func(cell func(shown) string) {
		var l strings.Builder
		for i, c := range table {
			if i > 0 {
				l.WriteString("  ")
			}
			text := cell(c)
			pad := strings.Repeat(" ", c.width-utf8.RuneCountInString(text))
			if c.Unit == Text && !isNumber(c.Name) {
				l.WriteString(text + pad)
			} else {
				l.WriteString(pad + text)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(func(c shown) string { return strings.ToUpper(c.Name) })
	for i := range p.Sessions {
		line(func(c shown) string { return c.cells[i] })
	}
}

// isNumber tells whether a column of texts holds numbers.
func isNumber(name string) bool { return name == "id" || name == "fd" || name == "db" }
