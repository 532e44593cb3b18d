// Package chart works on the Helm chart in packaging/helm with Helm's own
// packages: it renders and packs it, and makes the files that follow from it
// or are copied into it.
package chart

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// Dir is the chart's folder, from the root of the repository.
const Dir = "packaging/helm/dcs-session-exporter"

// Release is what Helm knows of an installation.
type Release struct {
	Name      string
	Namespace string
}

// Rendered is the chart with values filled in.
type Rendered struct {
	// Manifests has the documents of all templates, by template.
	Manifests map[string][]byte
	// Notes is what helm install prints.
	Notes string
}

// Load reads the chart of the repository at root.
func Load(root string) (*chart.Chart, error) {
	return loader.LoadDir(filepath.Join(root, Dir))
}

// Values reads a file of values.
func Values(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// Render checks the values against the chart's schema, and fills them in, as
// helm template does.
func Render(c *chart.Chart, release Release, values map[string]any) (*Rendered, error) {
	options := common.ReleaseOptions{Name: release.Name, Namespace: release.Namespace, Revision: 1, IsInstall: true}
	filled, err := util.ToRenderValues(c, values, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, filled)
	if err != nil {
		return nil, err
	}
	rendered := &Rendered{Manifests: make(map[string][]byte)}
	for path, text := range files {
		name := filepath.Base(path)
		switch {
		case name == "NOTES.txt":
			rendered.Notes = text
		case filepath.Ext(name) == ".yaml" && strings.TrimSpace(text) != "":
			rendered.Manifests[strings.TrimSuffix(name, ".yaml")] = []byte(text)
		}
	}
	return rendered, nil
}

// Documents returns all manifests, each document by itself, in a stable order.
func (r *Rendered) Documents() [][]byte {
	names := make([]string, 0, len(r.Manifests))
	for name := range r.Manifests {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	var documents [][]byte
	for _, name := range names {
		documents = append(documents, split(r.Manifests[name])...)
	}
	return documents
}

// split returns the documents of a manifest that are not empty.
func split(manifest []byte) [][]byte {
	var documents [][]byte
	for document := range bytes.SplitSeq(append([]byte("\n"), manifest...), []byte("\n---\n")) {
		if len(bytes.TrimSpace(document)) > 0 {
			documents = append(documents, bytes.TrimLeft(document, "\n"))
		}
	}
	return documents
}

// Pack writes the chart as dir/dcs-session-exporter-VERSION.tgz, and returns
// that path. The same chart, version and time give the same bytes.
func Pack(c *chart.Chart, dir, version string, at time.Time) (string, error) {
	c.Metadata.Version, c.Metadata.AppVersion = version, version
	c.StampModTimes(at)
	return chartutil.Save(c, dir)
}
