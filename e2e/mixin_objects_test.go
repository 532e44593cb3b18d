package e2e_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgo "k8s.io/client-go/kubernetes/scheme"
)

// TestMixinObjects decodes the objects for Kubernetes strictly, and checks that
// they have the rules and dashboards that the plain files have.
func TestMixinObjects(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgo.AddToScheme, monitoringv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	decode := func(text string) runtime.Object {
		object, _, err := decoder.Decode([]byte(text), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return object
	}

	object := decode(read(t, "../monitoring/kubernetes/prometheusrule.yml")).(*monitoringv1.PrometheusRule)
	var names, want []string
	for _, g := range object.Spec.Groups {
		for _, r := range g.Rules {
			keeps := ""
			if r.KeepFiringFor != nil {
				keeps = string(*r.KeepFiringFor)
			}
			names = append(names, r.Alert+r.Record+r.Expr.String()+r.Annotations["summary"]+keeps)
		}
	}
	for _, path := range []string{alertFile, rulesDir + "/recording.yml"} {
		for _, g := range loadRules(t, path).Groups {
			for _, r := range g.Rules {
				keeps := ""
				if r.KeepFiringFor > 0 {
					keeps = r.KeepFiringFor.String()
				}
				want = append(want, r.Alert+r.Record+r.Expr+r.Annotations["summary"]+keeps)
			}
		}
	}
	if !reflect.DeepEqual(names, want) || len(want) < 25 {
		t.Errorf("the PrometheusRule has\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}

	for document := range strings.SplitSeq(read(t, "../monitoring/kubernetes/dashboards.yml"), "\n---\n") {
		settings := decode(document + "\n").(*corev1.ConfigMap)
		if len(settings.Data) != 1 || settings.Labels["grafana_dashboard"] != "1" {
			t.Errorf("ConfigMap %s has %d dashboards, and the labels %v", settings.Name, len(settings.Data), settings.Labels)
		}
		for name, text := range settings.Data {
			if text != read(t, "../monitoring/dashboards/"+name) {
				t.Errorf("ConfigMap %s has another %s", settings.Name, name)
			}
		}
	}
}

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
