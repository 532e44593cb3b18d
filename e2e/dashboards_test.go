package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// anything is what the variables are where it does not matter.
var anything = map[string]string{
	"job": ".*", "cluster": ".*", "team": ".*", "instance": "i", "node": ".*", "project": ".*", "api_project": "p", "__rate_interval": "1m",
}

// TestDashboardExpressions checks every expression without data.
func TestDashboardExpressions(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards(t) {
		for where, text := range d.expressions(t) {
			checkExpression(t, where, replace(t, text, anything))
			// Whoever chooses a job or a cluster sees nothing of the others.
			if strings.Contains(where, ": variable job") || strings.Contains(where, ": variable cluster") || strings.Contains(where, ": variable team") {
				continue
			}
			for _, selector := range regexp.MustCompile(`\b(?:dcs_\w+|up|ALERTS)\b(\{[^}]*\})?`).FindAllString(text, -1) {
				if !strings.Contains(selector, `cluster=~"$cluster", team=~"$team"`) || !strings.HasPrefix(selector, "ALERTS") && !strings.Contains(selector, `job=~"$job"`) {
					t.Errorf("%s: %s is not narrowed to the chosen jobs and clusters", where, selector)
				}
			}
			for _, m := range regexp.MustCompile(`\[([^\]]*)\]\)`).FindAllStringSubmatch(text, -1) {
				if !slices.Contains([]string{"$__rate_interval", "10m", "1h"}, m[1]) {
					t.Errorf("%s: the range %s is neither Grafana's, nor that of the alert on leaks, nor the hour for which instances without data are shown", where, m[1])
				}
			}
		}
	}
}

// TestDashboardPanels checks what Grafana, and who looks at the dashboards,
// need of each panel.
func TestDashboardPanels(t *testing.T) {
	t.Parallel()
	const grid, narrowest = 24, 3
	chosen := datasource{"prometheus", "${datasource}"}
	all := dashboards(t)
	dashboardOf(t, all, "dcs-sessions-fleet")
	dashboardOf(t, all, "dcs-sessions-instance")
	for _, d := range all {
		// Grafana 11 writes schemaVersion 39; later ones bring it up to date.
		if d.ID != nil || d.Inputs != nil || d.SchemaVersion != 39 || d.Editable || d.Title == "" || d.Description == "" {
			t.Errorf("%s: id %v, __inputs %s, schemaVersion %d, editable: %v, title %q, description %q", d.file, d.ID, d.Inputs, d.SchemaVersion, d.Editable, d.Title, d.Description)
		}
		const most = 25
		asked, folded := 0, 0
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 0 {
				asked++
			}
		}
		for _, p := range d.Panels {
			asked += len(p.Targets)
			for _, inner := range p.Panels {
				folded += len(inner.Targets)
			}
			if p.Type == "row" && (!p.Collapsed || len(p.Panels) == 0) {
				t.Errorf("%s: the row %s is not folded", d.file, p.Title)
			}
		}
		if asked-folded > most || folded == 0 {
			t.Errorf("%s: asks %d queries when it opens, want at most %d; %d are folded", d.file, asked-folded, most, folded)
		}
		if text := read(t, "../monitoring/dashboards/"+d.file); strings.Contains(text, "localhost") {
			t.Errorf("%s: points to localhost", d.file)
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" && v.Datasource != chosen {
				t.Errorf("%s: variable %s asks %v", d.file, v.Name, v.Datasource)
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 0 && a.Datasource != chosen {
				t.Errorf("%s: annotation %s asks %v", d.file, a.Name, a.Datasource)
			}
		}
		taken := make(map[[3]int]int) // who has a cell of the grid, in a row that is unfolded, or beside all
		ids := make(map[int]bool)
		for _, p := range d.Panels {
			where := fmt.Sprintf("%s: panel %d (%s)", d.file, p.ID, p.Title)
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: the id is not its own", where)
			}
			ids[p.ID] = true
			if g := p.GridPos; g.X < 0 || g.Y < 0 || g.W < narrowest || g.H < 1 || g.X+g.W > grid {
				t.Errorf("%s: cannot be placed at %+v", where, g)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := [3]int{p.Row, p.GridPos.X + x, p.GridPos.Y + y}
					if other := taken[cell]; other != 0 && other != p.ID {
						t.Errorf("%s: overlaps panel %d", where, other)
					}
					taken[cell] = p.ID
				}
			}
			if p.Title == "" {
				t.Errorf("%s: no title", where)
			}
			if p.Type == "row" {
				continue
			}
			if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
				t.Errorf("%s: description %q, unit %q, noValue %q: want all three", where, p.Description, p.FieldConfig.Defaults.Unit, p.FieldConfig.Defaults.NoValue)
			}
			if p.Datasource != chosen || len(p.Targets) == 0 {
				t.Errorf("%s: asks %v %d queries", where, p.Datasource, len(p.Targets))
			}
			refs := make(map[string]bool)
			for _, q := range p.Targets {
				if q.Datasource != chosen || refs[q.RefID] || q.RefID == "" {
					t.Errorf("%s: query %q asks %v, or is there twice", where, q.RefID, q.Datasource)
				}
				refs[q.RefID] = true
				now := p.Type == "table" || p.Type == "stat"
				format := map[string]string{"table": "table", "heatmap": "heatmap"}[p.Type]
				if q.Instant != now || q.Range == now || cmp.Or(q.Format, "time_series") != cmp.Or(format, "time_series") {
					t.Errorf("%s: query %s is instant: %v, format %q, which does not suit a %s", where, q.RefID, q.Instant, q.Format, p.Type)
				}
			}
		}
	}
}

// colourKeys matches colours in the JSON, schemes among them.
var colourKeys = regexp.MustCompile(`"(color|fixedColor|iconColor|fill|scheme|mode)": "([^"]*)"`)

// TestDashboardColours checks that the colours that mean something are of one
// set that people who do not see red or green tell apart (Okabe and Ito), that
// heatmaps have a scheme made for that, and that no colour is given by rank.
func TestDashboardColours(t *testing.T) {
	t.Parallel()
	safe := []string{"#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#8E8E8E", "rgba(255,255,255,0.7)"}
	schemes := []string{"Cividis", "Viridis"}
	modes := []string{"thresholds", "fixed", "shades", "scheme", "absolute", "single", "multi", "basic", "none", "normal", "off", "dashed"}
	for _, d := range dashboards(t) {
		text, err := os.ReadFile("../monitoring/dashboards/" + d.file)
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[string]bool)
		for _, m := range colourKeys.FindAllStringSubmatch(string(text), -1) {
			allowed := safe
			switch m[1] {
			case "scheme":
				allowed = schemes
			case "mode":
				allowed = modes
			}
			if !slices.Contains(allowed, m[2]) {
				t.Errorf("%s: %s is not one of %q", d.file, m[0], allowed)
			}
			found[m[1]] = true
		}
		if !found["color"] || !found["fixedColor"] {
			t.Errorf("%s: this test found only %v", d.file, slices.Collect(maps.Keys(found)))
		}
	}
}
