package render

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// indentJSON writes JSON with a field a line, without escapes of &, < and >, and
// numbers as short as they can be.
func indentJSON(value any) (string, error) {
	if raw, ok := value.(json.RawMessage); ok {
		if err := json.Unmarshal(raw, &value); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(value)
	return out.String(), err
}

// importable writes a dashboard as Grafana exports one to be imported
// elsewhere: it asks for the data source, and says what it needs.
func importable(dashboard json.RawMessage) (string, error) {
	var d map[string]any
	if err := json.Unmarshal(dashboard, &d); err != nil {
		return "", err
	}
	// The variable of the data source gives way to the question.
	templating := d["templating"].(map[string]any)
	templating["list"] = slices.DeleteFunc(templating["list"].([]any), func(v any) bool { return v.(map[string]any)["type"] == "datasource" })
	text, err := indentJSON(d)
	if err != nil {
		return "", err
	}
	text = strings.NewReplacer("${datasource}", "${DS_PROMETHEUS}", "${datasource:queryparam}&", "").Replace(text)
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return "", err
	}
	requires := []map[string]string{
		{"type": "grafana", "id": "grafana", "name": "Grafana", "version": "11.0.0"},
		{"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
	}
	for _, kind := range panelTypes(d["panels"].([]any)) {
		requires = append(requires, map[string]string{"type": "panel", "id": kind, "name": kind, "version": ""})
	}
	d["__inputs"] = []map[string]string{{
		"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus",
		"description": "The Prometheus that scrapes dcs_session_exporter.",
	}}
	d["__requires"] = requires
	d["id"] = nil
	return indentJSON(d)
}

// panelTypes returns the kinds of panels, sorted, those in rows among them.
func panelTypes(panels []any) []string {
	kinds := make(map[string]bool)
	for _, p := range panels {
		panel := p.(map[string]any)
		if kind := panel["type"].(string); kind != "row" {
			kinds[kind] = true
		} else if inner, ok := panel["panels"].([]any); ok {
			for _, kind := range panelTypes(inner) {
				kinds[kind] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}
