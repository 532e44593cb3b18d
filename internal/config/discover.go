package config

import (
	"regexp"
	"strconv"
	"strings"

	"dcs_session_exporter/dcsapi"

	"go.yaml.in/yaml/v3"
)

// Discover selects which of a project's instances to read. The zero value
// selects all of them.
type Discover struct {
	Name                *regexp.Regexp    // matches any part of the name; nil matches all
	Tags                map[string]string // required tags; empty matches all
	EnterpriseProjectID string            // "" matches all
	MaxClients          int               // connections that each node accepts; 0 if not set
}

// Matches reports whether d selects an instance.
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

// discover decodes the settings of discovery.
func (d *decoder) discover(v value) *Discover {
	var out Discover
	v.mapping(fields{
		"name":                  func(v value) { out.Name = v.pattern() },
		"tags":                  func(v value) { out.Tags = v.tags() },
		"enterprise_project_id": func(v value) { v.text(&out.EnterpriseProjectID) },
		"max_clients":           func(v value) { v.maxClients(&out.MaxClients) },
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

// tags decodes a mapping from tags to their values.
func (v value) tags() map[string]string {
	if v.node.Kind != yaml.MappingNode {
		v.problem("must be a mapping from tags to their values, such as {team: orders}")
		return nil
	}
	out := make(map[string]string)
	number := 0
	for k, node := range pairs(v.node) {
		number++
		e := v.child("tag "+strconv.Itoa(number), node)
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 || strings.TrimSpace(k.Value) == "":
			e.problem("the tag's key must be a string")
		case !e.plain():
		default:
			if _, twice := out[k.Value]; twice {
				e.problem("duplicate tag %s", v.quoted(k.Value))
			}
			if value, ok := e.scalar("a string ('' for an empty one)"); ok {
				out[k.Value] = value
			}
		}
	}
	if len(v.node.Content) == 0 {
		v.problem("is empty: list tags, or remove the key")
	}
	return out
}
