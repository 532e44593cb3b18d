package chart_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/chart"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgo "k8s.io/client-go/kubernetes/scheme"
)

const root = "../.."

// prod is a release whose name and namespace are not those of the chart.
var prod = chart.Release{Name: "prod", Namespace: "redis-watch"}

// valueSets returns the value sets of the chart's folder ci, by name.
func valueSets(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, chart.Dir, "ci", "*-values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sets := make(map[string]map[string]any)
	for _, file := range files {
		values, err := chart.Values(file)
		if err != nil {
			t.Fatal(err)
		}
		sets[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = values
	}
	if len(sets) < 6 {
		t.Fatalf("%d value sets, not at least 6", len(sets))
	}
	return sets
}

// set returns one value set with changes to its top-level keys.
func set(t *testing.T, name string, changes map[string]any) map[string]any {
	t.Helper()
	values := valueSets(t)[name]
	if values == nil {
		t.Fatalf("no value set %s", name)
	}
	maps.Copy(values, changes)
	return values
}

// render renders the chart with values, and decodes what comes out strictly:
// unknown fields and kinds are errors.
func render(t *testing.T, release chart.Release, values map[string]any) (*chart.Rendered, []runtime.Object) {
	t.Helper()
	c, err := chart.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := chart.Render(c, release, values)
	if err != nil {
		t.Fatal(err)
	}
	return rendered, decode(t, rendered.Documents())
}

// decode decodes documents strictly.
func decode(t *testing.T, documents [][]byte) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgo.AddToScheme, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, document := range documents {
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%v\n%s", err, document)
			continue
		}
		objects = append(objects, object)
	}
	return objects
}

// all returns the objects of a type.
func all[T runtime.Object](objects []runtime.Object) []T {
	var found []T
	for _, o := range objects {
		if typed, ok := o.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}

// only returns the only object of a type.
func only[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	found := all[T](objects)
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T, not one", len(found), *new(T))
	}
	return found[0]
}

// pods returns the template of the pods.
func pods(t *testing.T, objects []runtime.Object) *corev1.PodTemplateSpec {
	t.Helper()
	if sets := all[*appsv1.StatefulSet](objects); len(sets) == 1 {
		return &sets[0].Spec.Template
	}
	return &only[*appsv1.Deployment](t, objects).Spec.Template
}
