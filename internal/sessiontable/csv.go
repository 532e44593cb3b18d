package sessiontable

import (
	"encoding/csv"
	"io"
	"strings"

	"dcs_session_exporter/internal/printable"
)

// WriteCSV writes the page as CSV with a header (RFC 4180, but lines end with
// \n): a line per session with the instance, the node, when the list was taken
// and all columns, numbers as the API gave them, empty where it did not.
//
// Texts come from strangers, and end in spreadsheets and terminals: what does
// not show as itself is escaped, a backslash doubled, and one that a
// spreadsheet would take for a formula, or that begins with an apostrophe, has
// an apostrophe before it. So different texts stay different.
func (p *Page) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write(append([]string{"instance_id", "node_id", "time"}, Names()...)) // Flush keeps the error
	for i := range p.Sessions {
		row := []string{p.Instance, p.Node, printable.Text(p.Time)}
		for k := range columns {
			c := &columns[k]
			value, there := c.Raw(&p.Sessions[i])
			switch {
			case !there:
				value = ""
			case c.Unit == Text:
				value = harmless(value)
			}
			row = append(row, value)
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// harmless returns a text that no spreadsheet calculates.
func harmless(s string) string {
	s = printable.Text(strings.ReplaceAll(s, `\`, `\\`))
	if t := strings.TrimLeft(s, " \u00a0\u3000"); t != "" && strings.ContainsRune("=+-@＝＋－＠'", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
