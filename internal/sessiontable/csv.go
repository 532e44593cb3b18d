package sessiontable

import (
	"encoding/csv"
	"io"
	"strings"

	"dcs_session_exporter/internal/printable"
)

// WriteCSV writes the page as CSV with a header (RFC 4180, but lines end with
// \n). Each line has one session: instance, node, time of the list, and all
// columns. Numbers are as the API sent them, empty if it sent none.
//
// Texts are untrusted input and may end up in spreadsheets and terminals.
// Non-printable characters are escaped and backslashes are doubled. A text that a
// spreadsheet would take for a formula, or that begins with an apostrophe, gets
// an apostrophe in front. Different texts stay different.
func (p *Page) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write(append([]string{"instance_id", "node_id", "time"}, Names()...)) // out.Error returns the error
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

// harmless returns a text that no spreadsheet takes for a formula.
func harmless(s string) string {
	s = printable.Text(strings.ReplaceAll(s, `\`, `\\`))
	if t := strings.TrimLeft(s, " \u00a0\u3000"); t != "" && strings.ContainsRune("=+-@＝＋－＠'", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
