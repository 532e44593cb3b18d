package chart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/chart"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestKustomize builds the overlay of the README, with another namespace,
// image, configuration and key: nothing of the old ones is left.
func TestKustomize(t *testing.T) {
	dir, err := os.MkdirTemp(filepath.Join(root, chart.KustomizeDir), "overlay-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	_, overlay, ok := strings.Cut(readFile(t, filepath.Join(root, chart.KustomizeDir, "README.md")), "```yaml\n")
	overlay, _, closed := strings.Cut(overlay, "```")
	if !ok || !closed {
		t.Fatal("the README has no overlay")
	}
	overlay = strings.Replace(overlay, "resources:\n", "resources:\n  - ../../helm/dcs-session-exporter/files/dashboards\n", 1)
	for name, text := range map[string]string{
		"kustomization.yaml": overlay, "config.yml": "projects: [{region: x, discover: {}}]\n", "access_key": "a", "secret_key": "b",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var documents [][]byte
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, text)
		if left := addresses.FindString(string(text)); left != "" {
			t.Errorf("the address %s names a namespace", left)
		}
	}
	objects := decode(t, documents)
	for _, o := range objects {
		if got := o.(metav1.Object).GetNamespace(); got != "monitoring" {
			t.Errorf("%T is in namespace %q", o, got)
		}
	}
	spec := only[*appsv1.Deployment](t, objects).Spec.Template.Spec
	if want := "registry.example/dcs_session_exporter:1.2.3"; spec.Containers[0].Image != want {
		t.Errorf("image %s, want %s", spec.Containers[0].Image, want)
	}
	mounted := make(map[string]bool)
	for _, v := range spec.Volumes {
		switch {
		case v.ConfigMap != nil:
			mounted[v.ConfigMap.Name] = true
		case v.Secret != nil:
			mounted[v.Secret.SecretName] = true
		}
	}
	found := 0
	for _, m := range all[*corev1.ConfigMap](objects) {
		if mounted[m.Name] && m.Data["config.yml"] == "projects: [{region: x, discover: {}}]\n" {
			found++
		}
	}
	for _, s := range all[*corev1.Secret](objects) {
		if mounted[s.Name] && string(s.Data["access_key"]) == "a" {
			found++
		}
	}
	if found != 2 || len(mounted) != 2 {
		t.Errorf("%d of configuration and key are mounted: %v", found, mounted)
	}
	if fmt.Sprint(only[*monitoringv1.ServiceMonitor](t, objects).Spec.Selector.MatchLabels) != fmt.Sprint(only[*corev1.Service](t, objects).Labels) {
		t.Error("the ServiceMonitor does not select the Service")
	}
}
