package chart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Value is a value of the chart that can be set.
type Value struct {
	Name    string
	Default string
	Meaning string
}

// chartReadme returns the chart's README: README.md.tmpl with a table of values in
// the place of its line {{ values }}.
func chartReadme(root string) ([]byte, error) {
	template, err := os.ReadFile(filepath.Join(root, Dir, "README.md.tmpl"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, Dir, "values.yaml"))
	if err != nil {
		return nil, err
	}
	values, err := Describe(text)
	if err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	var table strings.Builder
	table.WriteString("| value | default | meaning |\n|---|---|---|\n")
	for _, v := range values {
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", v.Name, v.Default, v.Meaning)
	}
	before, after, ok := bytes.Cut(template, []byte("{{ values }}\n"))
	if !ok {
		return nil, fmt.Errorf("README.md.tmpl has no line {{ values }}")
	}
	return append(append(before, table.String()...), after...), nil
}

// Describe returns the values of a values.yaml, in its order. A value is a key
// with a comment above it; it is an error if a key has none, and is no map of
// keys that have.
func Describe(text []byte) ([]Value, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("is empty")
	}
	return describe("", document.Content[0])
}

func describe(prefix string, node *yaml.Node) ([]Value, error) {
	var values []Value
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := prefix + key.Value
		switch {
		case key.HeadComment != "":
			var v any
			if err := value.Decode(&v); err != nil {
				return nil, err
			}
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			meaning := strings.ReplaceAll(strings.TrimPrefix(key.HeadComment, "# "), "\n# ", " ")
			values = append(values, Value{Name: name, Default: string(text), Meaning: meaning})
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			inner, err := describe(name+".", value)
			if err != nil {
				return nil, err
			}
			values = append(values, inner...)
		default:
			return nil, fmt.Errorf("%s has no comment that says what it is", name)
		}
	}
	return values, nil
}
