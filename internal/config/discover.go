package config

import (
	"regexp"
	"strconv"
	"strings"

	"dcs_session_exporter/dcsapi"

	"go.yaml.in/yaml/v3"
)

// Discover says which of a project's instances to read. The zero value is all
// of them.
type Discover struct {
	Name                *regexp.Regexp    // matches a part of the name; nil for any
	Tags                map[string]string // all of these; empty for any
	EnterpriseProjectID string            // "" for any
}

// Matches tells whether an instance is to be read.
func (d *Discover) Matches(i dcsapi.Instance) bool {
	if d.Name != nil && !d.Name.MatchString(i.Name) {
		return false
	}
	for key, value := range d.Tags {
		if have, ok := i.Tags[key]; !ok || have != value {
			return false
		}
	}
	return d.EnterpriseProjectID == "" || d.EnterpriseProjectID == i.EnterpriseProjectID
}

// discover decodes which instances to look for.
func (d *decoder) discover(v value) *Discover {
	var out Discover
	v.mapping(fields{
		"name":                  func(v value) { out.Name = v.pattern() },
		"tags":                  func(v value) { out.Tags = v.tags() },
		"enterprise_project_id": func(v value) { v.text(&out.EnterpriseProjectID) },
	})
	return &out
}

// pattern decodes a regular expression.
func (v value) pattern() *regexp.Regexp {
	var text string
	if v.text(&text); text == "" {
		return nil
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		v.problem("%s is not a regular expression (RE2 syntax), such as ^prod-", v.quoted(text))
	}
	return pattern
}

// tags decodes a mapping of tags to their values.
func (v value) tags() map[string]string {
	if v.node.Kind != yaml.MappingNode {
		v.problem("must be a mapping of tags to their values, such as {team: orders}")
		return nil
	}
	out := make(map[string]string)
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k, e := v.node.Content[i], v.child("tag "+strconv.Itoa(i/2+1), v.node.Content[i+1])
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 || strings.TrimSpace(k.Value) == "":
			e.problem("the tag's key must be a text")
		case !e.plain():
		default:
			if _, twice := out[k.Value]; twice {
				e.problem("the tag %s stands twice", v.quoted(k.Value))
			}
			if value, ok := e.scalar("a text; '' stands for an empty one"); ok {
				out[k.Value] = value
			}
		}
	}
	if len(v.node.Content) == 0 {
		v.problem("is empty: name tags, or leave the key out")
	}
	return out
}
