package instancetable

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/sessiontable"
)

// WriteText writes the table for a terminal of 80 columns: a line for each
// instance, and below it one for each of its nodes.
func (t *Table) WriteText(w io.Writer) error {
	rows := [][]string{{"ID", "NODE", "TYPE", "READ"}} // a node's status is in the wide table
	for _, i := range t.Instances {
		for _, n := range i.Nodes {
			rows = append(rows, []string{"  " + printable.Name(n.ID), printable.Name(cmp.Or(n.Name, "-")), printable.Name(cmp.Or(n.Type, "-")), words(n.Read, n.NotRead)})
		}
	}
	sessiontable.Fit(rows)
	var table strings.Builder
	sessiontable.Align(&table, rows, nil)
	lines := strings.SplitAfter(table.String(), "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	lines = lines[1:]
	for _, i := range t.Instances {
		b.WriteString(i.line() + "\n")
		for range i.Nodes {
			b.WriteString(lines[0])
			lines = lines[1:]
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line describes an instance in a line of 80 columns if that is possible, and
// says in a second one whether it is read where there is no room for that.
func (i *Instance) line() string {
	row := []string{printable.Name(i.ID), printable.Name(i.Name), printable.Name(strings.TrimSpace(i.Engine + " " + i.Version)), printable.Name(i.Status)}
	row = slices.DeleteFunc(row, func(s string) bool { return s == "" })
	head := make([]string, len(row))
	head[0] = "ID" // which stays whole
	sessiontable.Fit([][]string{head, row})
	read := ""
	if i.NotRead != "" || len(i.Nodes) == 0 {
		read = words(i.Read, i.NotRead)
	}
	if all := append(slices.Clone(row), read); read != "" && sessiontable.Fits(all) {
		row, read = all, ""
	}
	text := strings.Join(row, "  ")
	if read != "" {
		text += "\n  " + read
	}
	return text
}

// WriteWide writes the table for a terminal with all fields, a line for each
// node.
func (t *Table) WriteWide(w io.Writer) error {
	rows := t.records()
	for _, row := range rows {
		for k := range row {
			row[k] = printable.Text(cmp.Or(row[k], "-"))
		}
	}
	for k := range rows[0] {
		rows[0][k] = strings.ToUpper(rows[0][k])
	}
	var b strings.Builder
	sessiontable.Align(&b, rows, nil)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes the table as CSV with a header, a line for each node; an
// instance without known nodes has one line. Texts are made harmless for
// spreadsheets and terminals, as those of sessions are.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	for _, record := range t.records() {
		for k := range record {
			record[k] = sessiontable.Harmless(record[k])
		}
		_ = out.Write(record) // out.Error returns the error
	}
	out.Flush()
	return out.Error()
}

// WriteJSON writes the table as one JSON object.
func (t *Table) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(t)
}

// records returns a line for each node, the header first.
func (t *Table) records() [][]string {
	out := [][]string{{
		"instance_id", "instance_name", "region", "project_id", "engine", "engine_version", "spec_code", "instance_status", "found",
		"node_id", "node_name", "type", "role", "status", "ip", "port", "read", "not_read",
	}}
	for _, i := range t.Instances {
		nodes := i.Nodes
		if len(nodes) == 0 {
			nodes = []Node{{Read: i.Read, NotRead: i.NotRead}}
		}
		for _, n := range nodes {
			out = append(out, []string{
				i.ID, i.Name, i.Region, i.ProjectID, i.Engine, i.Version, i.SpecCode, i.Status, i.Found,
				n.ID, n.Name, n.Type, n.Role, n.Status, n.IP, n.Port, strconv.FormatBool(n.Read), n.NotRead,
			})
		}
	}
	return out
}
