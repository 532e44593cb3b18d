// Package render renders monitoring/mixin: it evaluates the jsonnet, and writes
// what comes out as the files that Prometheus, Alertmanager, Grafana and people
// read.
package render

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-jsonnet"
)

// mixin is what output.libsonnet gives.
type mixin struct {
	Alerts      []group                    `json:"alerts"`
	Recording   []group                    `json:"recording"`
	Inhibitions json.RawMessage            `json:"inhibitions"`
	Dashboards  map[string]json.RawMessage `json:"dashboards"`
	Table       []tableRow                 `json:"table"`
}

type group struct {
	Name  string `json:"name"`
	Rules []rule `json:"rules"`
}

type rule struct {
	Record        string            `json:"record"`
	Alert         string            `json:"alert"`
	Expr          string            `json:"expr"`
	For           string            `json:"for"`
	KeepFiringFor string            `json:"keep_firing_for"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`
	Comment       string            `json:"comment"`
}

type tableRow struct {
	Alert      string `json:"alert"`
	Severity   string `json:"severity"`
	Value      string `json:"value"`
	Condition  string `json:"condition"`
	For        string `json:"for"`
	KeepFiring string `json:"keepFiring"`
}

// Files renders the mixin of the repository at root, as a configuration has it
// (the path of a jsonnet file; empty: as it is), and returns the files by their
// slash-separated paths in the repository.
func Files(root, config string) (map[string]string, error) {
	m, err := evaluate(root, config)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	if files["monitoring/rules/alerts.yml"], err = ruleFile(alertsHead, m.Alerts); err != nil {
		return nil, err
	}
	if files["monitoring/rules/recording.yml"], err = ruleFile(recordingHead, m.Recording); err != nil {
		return nil, err
	}
	inhibitions, err := inhibitionRules(m.Inhibitions)
	if err != nil {
		return nil, err
	}
	files["monitoring/alertmanager/inhibitions.yml"] = inhibitionsHead + inhibitions
	for name, d := range m.Dashboards {
		if files["monitoring/dashboards/"+name], err = indentJSON(d); err != nil {
			return nil, err
		}
		if files["monitoring/dashboards-import/"+name], err = importable(d); err != nil {
			return nil, err
		}
	}
	// Of these, only a part is generated.
	for path, with := range map[string]func(text string) (string, error){
		"docs/runbooks.md":             func(text string) (string, error) { return withTable(text, m.Table) },
		"deploy/demo/alertmanager.yml": func(text string) (string, error) { return withInhibitions(text, inhibitions) },
	} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		if files[path], err = with(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return files, nil
}

// evaluate evaluates the jsonnet.
func evaluate(root, config string) (*mixin, error) {
	library := filepath.Join(root, "monitoring", "mixin")
	if config == "" {
		config = filepath.Join(library, "mixin.libsonnet")
	}
	config, err := filepath.Abs(config)
	if err != nil {
		return nil, err
	}
	vm := jsonnet.MakeVM()
	vm.Importer(&jsonnet.FileImporter{JPaths: []string{library}})
	text, err := vm.EvaluateAnonymousSnippet("mixin", fmt.Sprintf("(import 'output.libsonnet')(import %q)", config))
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var m mixin
	if err := decoder.Decode(&m); err != nil {
		return nil, err
	}
	return &m, nil
}
