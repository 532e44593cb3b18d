package sessiontable

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// narrow is the width in cells that WriteText keeps to.
	narrow = 80
	// widest is the maximum width of a value in terminal cells, so that one long
	// client name does not widen the whole table.
	widest = 64
	// tightest is the width down to which WriteText shortens texts before it
	// leaves out columns.
	tightest = 8
)

// dispensable are the columns that WriteText leaves out if there is no room for
// all, in this order.
var dispensable = []string{"db", "flags", "omem", "cmd", "user", "name", groupName}

// WriteText writes the page as a table for a terminal of 80 columns: a title, a
// summary, and a line per session with the most useful columns and the one that
// sorts. Texts are shortened and columns left out where there is no room. Sizes
// and durations are in large units, numbers are right-aligned.
func (p *Page) WriteText(w io.Writer) error {
	shown := slices.DeleteFunc(p.Shown(), func(c *Column) bool {
		return c.Sortable() && slices.IndexFunc(columns, func(o Column) bool { return o.Name == c.Name }) >= always && c.Name != p.Sort
	})
	return p.writeTable(w, narrow, shown)
}

// WriteWide writes the page like WriteText, with all columns worth showing, as
// wide as they are.
func (p *Page) WriteWide(w io.Writer) error { return p.writeTable(w, 0, p.Shown()) }

// writeTable writes a table of some columns that has a width; 0 for any.
func (p *Page) writeTable(w io.Writer, width int, shown []*Column) error {
	var b strings.Builder
	b.WriteString(wrap(p.Title(), width) + "\n" + wrap(p.Summary(), width) + "\n")
	if len(p.Sessions) > 0 {
		b.WriteByte('\n')
		rows, right := p.rows(shown)
		for k := 0; width > 0 && !fit(rows, right, width, k == len(dispensable)) && k < len(dispensable); k++ {
			shown = slices.DeleteFunc(slices.Clone(shown), func(c *Column) bool { return c.Name == dispensable[k] && c.Name != p.Sort })
			rows, right = p.rows(shown)
		}
		Align(&b, rows, right)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rows returns the table's rows, the header first, and which columns are
// right-aligned.
func (p *Page) rows(shown []*Column) (rows [][]string, right []bool) {
	rows = make([][]string, 1+len(p.Sessions))
	if p.Nodes != nil {
		rows[0], right = []string{"NODE"}, []bool{false}
	}
	for _, c := range shown {
		rows[0], right = append(rows[0], strings.ToUpper(c.Name)), append(right, c.Right())
	}
	for i := range p.Sessions {
		if p.Nodes != nil {
			rows[i+1] = append(rows[i+1], cutLeft(NodeLabel(p.Nodes[i]), widest))
		}
		for _, c := range shown {
			rows[i+1] = append(rows[i+1], Cut(c.Human(&p.Sessions[i]), widest))
		}
	}
	return rows, right
}

// whole are the headers of the left-aligned columns that stay whole.
var whole = []string{"ADDR", "ID", "READ"}

// fit shortens the texts of the widest columns until a table has a width, and
// reports whether it has. Right-aligned columns stay whole, and those in whole.
// If they leave no room, the texts are shortened only if anyhow is set.
func fit(rows [][]string, right []bool, width int, anyhow bool) bool {
	widths := measure(rows)
	limits := slices.Clone(widths)
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for ; total > width; total-- {
		most := -1
		for k, n := range limits {
			if !right[k] && !slices.Contains(whole, rows[0][k]) && n > tightest && (most < 0 || n > limits[most]) {
				most = k
			}
		}
		if most < 0 && !anyhow {
			return false
		}
		if most < 0 {
			break
		}
		limits[most]--
	}
	for _, row := range rows {
		for k := range row {
			if rows[0][k] == "NODE" {
				row[k] = cutLeft(row[k], limits[k])
			} else {
				row[k] = Cut(row[k], limits[k])
			}
		}
	}
	return total <= width
}

// cutLeft is like Cut, but keeps the end of the text: names of nodes begin alike.
func cutLeft(s string, most int) string {
	if cells(s) <= most {
		return s
	}
	for i := range s {
		if cells(s[i:]) <= most-1 {
			return "…" + s[i:]
		}
	}
	return "…"
}

// Fit shortens the texts of a table of left-aligned columns, the header first,
// so that it fits a terminal of 80 columns if that is possible.
func Fit(rows [][]string) { fit(rows, make([]bool, len(rows[0])), narrow, true) }

// Fits reports whether a row of a table fits a terminal of 80 columns as it is.
func Fits(row []string) bool {
	total := 2 * (len(row) - 1)
	for _, text := range row {
		total += cells(text)
	}
	return total <= narrow
}

// measure returns the widths of a table's columns.
func measure(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for k, value := range row {
			widths[k] = max(widths[k], cells(value))
		}
	}
	return widths
}

// Align writes rows of printable texts below each other. right says which
// columns are right-aligned; nil for none.
func Align(b *strings.Builder, rows [][]string, right []bool) {
	widths := measure(rows)
	for _, row := range rows {
		var line strings.Builder
		for k, value := range row {
			pad := strings.Repeat(" ", widths[k]-cells(value))
			if k < len(right) && right[k] {
				line.WriteString(pad + value + "  ")
			} else {
				line.WriteString(value + pad + "  ")
			}
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
	}
}

// wrap breaks a text between words into lines of a width; 0 for one line.
func wrap(text string, width int) string {
	if width == 0 || cells(text) <= width {
		return text
	}
	var b strings.Builder
	at := 0
	for k, word := range strings.Split(text, " ") {
		n := cells(word)
		switch {
		case k > 0 && at+1+n > width:
			b.WriteString("\n" + word)
			at = n
		case k > 0:
			b.WriteString(" " + word)
			at += 1 + n
		default:
			b.WriteString(word)
			at = n
		}
	}
	return b.String()
}
