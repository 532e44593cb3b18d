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

// metricTable renders the catalogue as docs/metrics.md shows it.
func metricTable() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range exposition.Catalogue() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(m.Labels, ", "), m.Help)
	}
	return b.String()
}

// TestDocsListMetrics checks the reference of metrics against the code.
func TestDocsListMetrics(t *testing.T) {
	page, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), metricTable()) {
		t.Errorf("docs/metrics.md does not have this table:\n%s", metricTable())
	}
}

// TestDocsListReportKeys checks that the page on checking documents each key of the
// online check's JSON report.
func TestDocsListReportKeys(t *testing.T) {
	page, err := os.ReadFile("docs/checking.md")
	if err != nil {
		t.Fatal(err)
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
			if !strings.Contains(string(page), "`"+key+"`") {
				t.Errorf("docs/checking.md does not document the key %s of %s", key, typ)
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
