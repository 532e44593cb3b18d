package render

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// prometheusRule writes all rules as an object of the Prometheus operator.
func prometheusRule(m *mixin) (string, error) {
	groups := ruleGroups(slices.Concat(m.Alerts, m.Recording), false)
	text, err := encode(mapping(
		"apiVersion", scalar("monitoring.coreos.com/v1"), "kind", scalar("PrometheusRule"),
		"metadata", metadata(m.Kubernetes, m.Kubernetes.Name, m.Kubernetes.RuleLabels), "spec", mapping("groups", groups),
	))
	return generated + text, err
}

// dashboardMaps writes the dashboards as ConfigMaps, which a sidecar of
// Grafana's finds by their labels.
func dashboardMaps(m *mixin) (string, error) {
	var objects []string
	for _, file := range slices.Sorted(maps.Keys(m.Dashboards)) {
		dashboard, err := indentJSON(m.Dashboards[file])
		if err != nil {
			return "", err
		}
		data := scalar(dashboard)
		data.Style = yaml.LiteralStyle
		text, err := encode(mapping(
			"apiVersion", scalar("v1"), "kind", scalar("ConfigMap"),
			"metadata", metadata(m.Kubernetes, m.Kubernetes.Name+"-"+strings.TrimSuffix(file, ".json"), m.Kubernetes.DashboardLabels),
			"data", mapping(file, data),
		))
		if err != nil {
			return "", err
		}
		objects = append(objects, text)
	}
	return generated + strings.Join(objects, "---\n"), nil
}

func metadata(names objectNames, name string, labels map[string]string) *yaml.Node {
	pairs := []any{"name", scalar(name), "namespace", scalar(names.Namespace)}
	if len(labels) > 0 {
		pairs = append(pairs, "labels", stringMap(labels))
	}
	return mapping(pairs...)
}

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
