package sessiontable

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
)

// WriteCSV writes the page as CSV with a header (RFC 4180, but lines end with
// \n). Each line has one session: instance, node, time of the list, all columns, and
// the fields that the API has besides, if any, by name. Numbers are as the API sent
// them, empty if it sent none.
//
// Texts are untrusted input and may end up in spreadsheets and terminals.
// Non-printable characters are escaped and backslashes are doubled. A text that a
// spreadsheet would take for a formula, or that begins with an apostrophe, gets
// an apostrophe in front. Different texts stay different.
func (p *Page) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	extra := p.extraNames()
	header := append([]string{"instance_id", "node_id", "time"}, Names()...)
	for _, name := range extra {
		header = append(header, Harmless(name))
	}
	_ = out.Write(header) // out.Error returns the error
	for i := range p.Sessions {
		node := p.Node
		if p.Nodes != nil {
			node = p.Nodes[i].ID
		}
		row := []string{p.Instance, node, printable.Text(p.Time)}
		for k := range columns {
			c := &columns[k]
			value, there := c.Raw(&p.Sessions[i])
			switch {
			case !there:
				value = ""
			case c.Unit == Text:
				value = Harmless(value)
			}
			row = append(row, value)
		}
		for _, name := range extra {
			row = append(row, extraText(p.Sessions[i].Extra, name))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// extraNames returns the names of all extra fields of the sessions, sorted.
func (p *Page) extraNames() []string {
	names := make(map[string]bool)
	for i := range p.Sessions {
		for _, f := range p.Sessions[i].Extra {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// extraText returns the value of an extra field as a cell, "" if there is none.
func extraText(fields []dcsapi.ExtraField, name string) string {
	k := slices.IndexFunc(fields, func(f dcsapi.ExtraField) bool { return f.Name == name })
	if k < 0 {
		return ""
	}
	var text string
	switch value := fields[k].Value; {
	case json.Unmarshal(value, &text) == nil:
		return Harmless(text)
	default:
		return Harmless(string(value))
	}
}

// Harmless returns a text that no spreadsheet takes for a formula.
func Harmless(s string) string {
	s = printable.Text(strings.ReplaceAll(s, `\`, `\\`))
	if t := strings.TrimLeft(s, " \u00a0\u3000"); t != "" && strings.ContainsRune("=+-@＝＋－＠'", []rune(t)[0]) {
		return "'" + s
	}
	return s
}
