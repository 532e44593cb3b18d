package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgo "k8s.io/client-go/kubernetes/scheme"
)

// manifests decodes the manifests that are shipped: unknown fields, fields that
// stand twice and unknown kinds are errors.
func manifests(t *testing.T) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgo.AddToScheme, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	files, err := filepath.Glob("../deploy/kubernetes/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	var objects []runtime.Object
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		documents := yaml.NewDocumentDecoder(f)
		defer documents.Close()
		for {
			text := make([]byte, 1<<20)
			n, err := documents.Read(text)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if len(bytes.TrimSpace(text[:n])) == 0 {
				continue
			}
			object, _, err := decoder.Decode(text[:n], nil, nil)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			objects = append(objects, object)
		}
	}
	return objects
}

// find returns the only object of a type.
func find[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	var found []T
	for _, o := range objects {
		if typed, ok := o.(T); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T", len(found), *new(T))
	}
	return found[0]
}

// TestManifests decodes the manifests strictly, and checks that they fit
// together, and the exporter.
func TestManifests(t *testing.T) {
	objects := manifests(t)
	set := find[*appsv1.StatefulSet](t, objects)
	service := find[*corev1.Service](t, objects)
	settings := find[*corev1.ConfigMap](t, objects)
	budget := find[*policyv1.PodDisruptionBudget](t, objects)
	scrape := find[*monitoringv1alpha1.ScrapeConfig](t, objects)
	monitor := find[*monitoringv1.ServiceMonitor](t, objects)
	account := find[*corev1.ServiceAccount](t, objects)

	pods := set.Spec.Template.Labels
	for name, selector := range map[string]map[string]string{
		"StatefulSet": set.Spec.Selector.MatchLabels, "Service": service.Spec.Selector, "PodDisruptionBudget": budget.Spec.Selector.MatchLabels,
	} {
		if !reflect.DeepEqual(selector, pods) {
			t.Errorf("the %s selects %v, the pods are %v", name, selector, pods)
		}
	}
	if !reflect.DeepEqual(monitor.Spec.Selector.MatchLabels, service.Labels) {
		t.Error("the ServiceMonitor does not select the Service")
	}
	if set.Spec.ServiceName != service.Name || set.Spec.Template.Spec.ServiceAccountName != account.Name {
		t.Error("the StatefulSet names another Service or ServiceAccount")
	}

	container := set.Spec.Template.Spec.Containers[0]
	if s := container.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 || !*set.Spec.Template.Spec.SecurityContext.RunAsNonRoot {
		t.Error("the container may do more than it needs")
	}
	if container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
		t.Error("the container has no requests and limits")
	}
	if container.LivenessProbe.HTTPGet.Path != "/-/healthy" || container.ReadinessProbe.HTTPGet.Path != "/-/ready" || container.Ports[0].ContainerPort != 9947 {
		t.Error("probes or port are not those of the exporter")
	}
	if !slices.Contains(container.Args, "--config.file="+container.VolumeMounts[0].MountPath+"/config.yml") {
		t.Errorf("the arguments %v do not name the mounted configuration", container.Args)
	}

	// The configuration is a good one, the same as the plain one.
	dir := t.TempDir()
	for _, key := range []string{"access_key", "secret_key"} {
		if err := os.MkdirAll(filepath.Join(dir, "credentials"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "credentials", key), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := config.Parse("config.yml", []byte(settings.Data["config.yml"]), dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := config.Parse("config.yml", []byte(read(t, "../deploy/config.yml")), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the ConfigMap says\n%+v\ndeploy/config.yml\n%+v", got, want)
	}

	// The scrape configuration is for so many replicas, and is the plain one
	// but for the names of the exporters.
	if n := len(scrape.Spec.HTTPSDConfigs); n != int(*set.Spec.Replicas) {
		t.Errorf("%d service discoveries for %d replicas", n, *set.Spec.Replicas)
	}
	plain := read(t, "../deploy/prometheus.yml")
	modulus := int64(0)
	for _, r := range scrape.Spec.RelabelConfigs {
		modulus = max(modulus, r.Modulus)
		for _, text := range []string{r.TargetLabel, strings.ToLower(r.Action), r.Regex} {
			if !strings.Contains(plain, text) {
				t.Errorf("the plain scrape configuration has no %q", text)
			}
		}
		if r.Replacement != nil && *r.Replacement != set.Name+"-$1."+service.Name+".default.svc:9947" {
			t.Errorf("the replicas are not at %s", *r.Replacement)
		}
	}
	if modulus != int64(*set.Spec.Replicas) {
		t.Errorf("modulus %d for %d replicas", modulus, *set.Spec.Replicas)
	}
}
