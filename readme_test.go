package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dcs_session_exporter/collector"
)

// metricTable renders the catalogue as the README shows it.
func metricTable() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range collector.Catalogue() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(m.Labels, ", "), m.Help)
	}
	return b.String()
}

// TestReadmeListsMetrics checks the README's metric reference against the code.
func TestReadmeListsMetrics(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), metricTable()) {
		t.Errorf("README.md does not have this table:\n%s", metricTable())
	}
}
