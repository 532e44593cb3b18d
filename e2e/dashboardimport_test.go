package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDashboardsToImport checks the form of the dashboards that asks for a data
// source: it is asked for, and nothing in it needs another one.
func TestDashboardsToImport(t *testing.T) {
	t.Parallel()
	for _, d := range dashboards(t) {
		text := read(t, "../monitoring/dashboards-import/"+d.file)
		var imported struct {
			Inputs []struct {
				Name     string `json:"name"`
				Type     string `json:"type"`
				PluginID string `json:"pluginId"`
			} `json:"__inputs"`
			Requires []struct {
				Type string `json:"type"`
				ID   string `json:"id"`
			} `json:"__requires"`
			dashboard
		}
		if err := json.Unmarshal([]byte(text), &imported); err != nil {
			t.Fatal(err)
		}
		if in := imported.Inputs; len(in) != 1 || in[0].Name != "DS_PROMETHEUS" || in[0].Type != "datasource" || in[0].PluginID != "prometheus" {
			t.Errorf("%s asks for %v", d.file, in)
		}
		kinds := make(map[string]bool)
		for _, r := range imported.Requires {
			kinds[r.Type+" "+r.ID] = true
		}
		for _, p := range d.Panels {
			if p.Type != "row" && !kinds["panel "+p.Type] {
				t.Errorf("%s does not say that it needs %s", d.file, p.Type)
			}
		}
		if strings.Contains(text, "${datasource") || strings.Count(text, "${DS_PROMETHEUS}") != strings.Count(read(t, "../monitoring/dashboards/"+d.file), `"${datasource}"`) {
			t.Errorf("%s: not all asks the data source that is chosen at import", d.file)
		}
	}
}
