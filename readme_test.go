package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/internal/onlinecheck"
)

// metricTable renders the catalogue as the README shows it.
func metricTable() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range exposition.Catalogue() {
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

// TestReadmeListsReportKeys checks that the README documents each key of the
// online check's JSON report.
func TestReadmeListsReportKeys(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var section string
	if _, rest, found := strings.Cut(string(readme), "\n## Checking online\n"); found {
		section, _, _ = strings.Cut(rest, "\n## ")
	}
	seen := make(map[string]bool)
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for f := range typ.Fields() {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "" || seen[key] {
				continue
			}
			seen[key] = true
			if !strings.Contains(section, "`"+key+"`") {
				t.Errorf("README.md does not document the key %s of %s", key, typ)
			}
			look(f.Type)
		}
	}
	look(reflect.TypeFor[onlinecheck.Report]())
	if len(seen) < 30 {
		t.Errorf("only %d keys were found", len(seen))
	}
}

// TestArchitectureNamesFiles checks that every file and folder that the page on
// the architecture names exists.
func TestArchitectureNamesFiles(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([\\w/]+\\.go|(?:collector|internal|dcsapi)/[\\w/]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 30 {
		t.Errorf("the page names %d files", len(named))
	}
	for _, m := range named {
		if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
}
