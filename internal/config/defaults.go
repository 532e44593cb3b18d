package config

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// replaced returns the keys of defaults that a project's own key replaces,
// besides the same key: settings that exclude each other, or that decide the same
// thing.
func replaced(key string) []string {
	switch key {
	case "cloud":
		return []string{"endpoint", "iam_endpoint", "sts_endpoint"}
	case "proxy_url":
		return []string{"no_proxy", "proxy_from_environment"}
	case "proxy_from_environment":
		return []string{"no_proxy", "proxy_url"}
	default:
		return nil
	}
}

// setDefaults decodes what projects have in common. The values are checked in the
// projects that use them.
func (d *decoder) setDefaults(v value) {
	if v.node.Kind != yaml.MappingNode {
		v.problem("must be a mapping of a project's keys to values")
		return
	}
	d.defaults = *v.node
}

// inherited reports whether a node is a key or a value of defaults.
func (d *decoder) inherited(node *yaml.Node) bool { return slices.Contains(d.defaults.Content, node) }

// withDefaults returns a project with those defaults that it does not set
// itself, and their keys.
func (d *decoder) withDefaults(project value) (value, []string) {
	if project.node.Kind != yaml.MappingNode {
		return project, nil
	}
	merged := *project.node
	merged.Content = nil
	own := make(map[string]bool)
	for k, node := range pairs(project.node) {
		if project.child(k.Value, node).null() && find(&d.defaults, k.Value) != nil {
			continue // a key without a value counts as absent
		}
		merged.Content = append(merged.Content, k, node)
		own[k.Value] = true
		for _, other := range replaced(k.Value) {
			own[other] = true
		}
	}
	var keys []string
	for k, node := range pairs(&d.defaults) {
		if own[k.Value] {
			continue
		}
		merged.Content = append(merged.Content, k, node)
		if !project.child(k.Value, node).null() {
			keys = append(keys, k.Value)
		}
	}
	project.node = &merged
	slices.Sort(keys)
	return project, keys
}
