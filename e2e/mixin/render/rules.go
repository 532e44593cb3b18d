package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Heads of the rule files.
const (
	generated = `# Generated from monitoring/mixin (go -C e2e run ./mixin): change that instead, or this
# file where you load it.
`
	alertsHead = generated + `#
# Alerts on client sessions and on the exporter itself. Load this file as it is
# (rule_files); it needs no other file. docs/runbooks.md has a section for each
# alert and a table of all thresholds.
#
# To change an alert: what it fires on is the last line of expr, by itself; for and
# keep_firing_for are below it.
#
# Links in annotations are relative. To put your hosts before them, the runbooks',
# Grafana's and the exporter's:
#   sed -i -e 's|runbook_url: docs/|runbook_url: https://git.example/dcs_session_exporter/blob/main/docs/|' -e 's|dashboard_url: /|dashboard_url: https://grafana.example/|' -e 's|sessions_url: /|sessions_url: https://dcs-exporter.example/|' alerts.yml
#
# What all rules keep to:
# - Scrape every 30 s (a minute at most), by /metrics or by /probe, and /metrics
#   of each exporter in any case: the groups dcs_exporter and dcs_projects need it.
# - Several targets may export the same node (a pair of exporters, /metrics beside
#   /probe): values are taken with max by or min by, never added up over targets.
# - A node that is not read has no session series. An alert on its sessions that
#   fires stays as it is meanwhile (node:dcs_alerts:held, value -1), and none begins:
#   nothing is resolved that nobody has seen to be over. DcsNodeNotRead and others
#   say that it is not read.
# - Where for is longer than 2m, gauges of sessions are taken as
#   last_over_time(...[2m]), so that one reading that fails does not reset for. Gauges
#   of the exporter itself are there with each scrape, whatever is read.
# - Who is in the value "other" changes: nothing that compares a series with its
#   past looks at it.
# - Links between a replica and its master, which Redis opens itself, are among
#   the sessions, on the master mostly as user default. Rules on the default user
#   and on leaks leave them out (dcs_sessions_replication,
#   dcs_client_replication_sessions); dcs_sessions_idle does not count them.
# - "Absent" above a rule says what happens if its series are not there.
# - Names and projects are labels, from dcs_instance_info and dcs_node_info where
#   these are there; no alert needs them to fire.
# - Labels of targets that stay on alerts, beside these: those of _config.keep.

`
	recordingHead = generated + `#
# Recording rules. No alert needs them: load this file (rule_files) if you want to
# look at months rather than days, or keep only these series in a long-term store.
# With them that takes two series a node, rather than up to 1,000.

`
)

// ruleFile writes groups of rules as Prometheus reads them.
func ruleFile(head string, groups []group) (string, error) {
	text, err := encode(mapping("groups", ruleGroups(groups)))
	return head + text, err
}

func ruleGroups(groups []group) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, g := range groups {
		rules := &yaml.Node{Kind: yaml.SequenceNode}
		for _, r := range g.Rules {
			node := ruleNode(r)
			if r.Comment != "" {
				node.HeadComment = wrap(r.Comment, 85)
			}
			rules.Content = append(rules.Content, node)
		}
		list.Content = append(list.Content, mapping("name", scalar(g.Name), "rules", rules))
	}
	return list
}

func ruleNode(r rule) *yaml.Node {
	expr := scalar(r.Expr)
	if strings.Contains(r.Expr, "\n") {
		expr.Style = yaml.LiteralStyle
	}
	if r.Record != "" {
		return mapping("record", scalar(r.Record), "expr", expr)
	}
	annotations := []any{}
	for _, name := range []string{"summary", "description", "runbook_url", "dashboard_url", "sessions_url"} {
		if text, ok := r.Annotations[name]; ok {
			annotations = append(annotations, name, scalar(text))
		}
	}
	return mapping(
		"alert", scalar(r.Alert), "expr", expr, "for", scalar(r.For), "keep_firing_for", scalar(r.KeepFiringFor),
		"labels", stringMap(r.Labels), "annotations", mapping(annotations...),
	)
}

const inhibitionsHead = generated + `#
# Inhibitions: of what has one cause, the cause alone is told. Put them into
# alertmanager.yml, with group_wait at 30s or more, and without labels in group_by
# that are finer than instance_id.

`

// inhibitionRules writes inhibit_rules as alertmanager.yml has them.
func inhibitionRules(inhibitions json.RawMessage) (string, error) {
	var rules struct {
		InhibitRules []struct {
			Sources []string `json:"source_matchers"`
			Targets []string `json:"target_matchers"`
			Equal   []string `json:"equal"`
		} `json:"inhibit_rules"`
	}
	if err := json.Unmarshal(inhibitions, &rules); err != nil {
		return "", err
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range rules.InhibitRules {
		pairs := []any{"source_matchers", flow(r.Sources), "target_matchers", flow(r.Targets)}
		if len(r.Equal) > 0 {
			pairs = append(pairs, "equal", flow(r.Equal))
		}
		list.Content = append(list.Content, mapping(pairs...))
	}
	return encode(mapping(inhibitRules, list))
}

const inhibitRules = "inhibit_rules"

// withInhibitions puts the inhibitions at the end of an alertmanager.yml, in
// place of those that it has.
func withInhibitions(alertmanager, inhibitions string) (string, error) {
	before, _, ok := strings.Cut(alertmanager, "\n"+inhibitRules+":\n")
	if !ok {
		return "", errors.New("there is no " + inhibitRules)
	}
	return before + "\n" + inhibitions, nil
}

// mapping returns a mapping of keys to nodes, in this order.
func mapping(pairs ...any) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		node.Content = append(node.Content, scalar(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return node
}

func scalar(text string) *yaml.Node {
	node := new(yaml.Node)
	node.SetString(text)
	return node
}

func flow(texts []string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range texts {
		node.Content = append(node.Content, scalar(text))
	}
	return node
}

func stringMap(m map[string]string) *yaml.Node {
	var pairs []any
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, key, scalar(m[key]))
	}
	return mapping(pairs...)
}

func encode(node *yaml.Node) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(node)
	return out.String(), err
}

// wrap breaks a text into lines of comments.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}
