package render

import (
	"errors"
	"fmt"
	"strings"
)

// The lines between which docs/runbooks.md has its table of alerts.
const (
	tableBegin = "<!-- Generated from monitoring/mixin. -->\n"
	tableEnd   = "<!-- End of what is generated. -->\n"
)

// withTable puts the table of alerts into the runbooks.
func withTable(runbooks string, rows []tableRow) (string, error) {
	before, rest, begins := strings.Cut(runbooks, tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		return "", errors.New("the lines around the generated table are missing")
	}
	var table strings.Builder
	table.WriteString("| alert | severity | value | condition | for | goes on for |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&table, "| [%s](#%s) | %s | %s | `%s` | %s | %s |\n", r.Alert, strings.ToLower(r.Alert), r.Severity, r.Value, r.Condition, r.For, r.KeepFiring)
	}
	return before + tableBegin + table.String() + tableEnd + after, nil
}
