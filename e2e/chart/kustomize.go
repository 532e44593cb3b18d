package chart

import (
	"bytes"
	"fmt"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// KustomizeDir is the folder of the kustomize base, from the root of the
// repository.
const KustomizeDir = "packaging/kustomize"

// kustomized says which manifests of the chart go into which folder of the
// kustomize base.
var kustomized = map[string]string{
	"workload": "base", "service": "base", "serviceaccount": "base",
	"servicemonitor": "operator", "prometheusrule": "operator",
}

// Kustomize returns the manifests of the kustomize base, by path from root: the
// chart, rendered without what kustomize adds itself: namespaces, and the names
// of ConfigMaps that change with their content.
func Kustomize(root string) (map[string][]byte, error) {
	c, err := Load(root)
	if err != nil {
		return nil, err
	}
	values, err := Values(filepath.Join(root, KustomizeDir, "values.yaml"))
	if err != nil {
		return nil, err
	}
	rendered, err := Render(c, Release{Name: c.Name(), Namespace: "default"}, values)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	var settings struct{ Data map[string]string }
	if err := yaml.Unmarshal(rendered.Manifests["configmap"], &settings); err != nil {
		return nil, err
	}
	for name, text := range settings.Data {
		files[filepath.Join(KustomizeDir, "base", name)] = []byte(text)
	}
	for name, manifest := range rendered.Manifests {
		folder, ok := kustomized[name]
		if !ok {
			continue
		}
		var out bytes.Buffer
		out.WriteString("# Made from the Helm chart by make generate; do not edit.\n")
		for _, document := range split(manifest) {
			text, err := strip(document)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			out.WriteString("---\n")
			out.Write(text)
		}
		files[filepath.Join(KustomizeDir, folder, name+".yaml")] = out.Bytes()
	}
	return files, nil
}

// strip removes from a manifest what is Helm's.
func strip(document []byte) ([]byte, error) {
	var object map[string]any
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, err
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, "namespace")
		remove(metadata, "labels", "helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")
	}
	if spec, ok := object["spec"].(map[string]any); ok {
		if template, ok := spec["template"].(map[string]any); ok {
			if metadata, ok := template["metadata"].(map[string]any); ok {
				remove(metadata, "annotations", "checksum/config")
			}
		}
	}
	return yaml.Marshal(object)
}

// remove deletes keys of a map in a map, and that map if it is empty then.
func remove(from map[string]any, name string, keys ...string) {
	inner, ok := from[name].(map[string]any)
	if !ok {
		return
	}
	for _, key := range keys {
		delete(inner, key)
	}
	if len(inner) == 0 {
		delete(from, name)
	}
}
