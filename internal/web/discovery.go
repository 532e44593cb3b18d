package web

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dcs_session_exporter/collector/fleet"
)

// targetGroup is an element of the answer that Prometheus' HTTP service
// discovery wants.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discovery serves the instances as targets of Prometheus' HTTP service
// discovery, from memory. While they are not known it fails, and Prometheus
// keeps the targets that it has.
func discovery(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s, done := o.Settings()
		defer done()
		targets, err := s.Collector.Fleet().Targets()
		if err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		groups := make([]targetGroup, len(targets))
		for i, t := range targets {
			groups[i] = targetGroup{[]string{t.ID}, metaLabels(t)}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(groups) // the client has gone
	})
}

// metaLabels returns the labels beside a target, which relabelling may use.
func metaLabels(t *fleet.Target) map[string]string {
	labels := map[string]string{
		"__meta_dcs_name":                  t.Details.Name,
		"__meta_dcs_region":                t.Region,
		"__meta_dcs_project":               t.ProjectID,
		"__meta_dcs_enterprise_project_id": t.Details.EnterpriseProjectID,
		"__meta_dcs_engine":                t.Details.Engine,
		"__meta_dcs_version":               t.Details.EngineVersion,
		"__meta_dcs_spec_code":             t.Details.SpecCode,
		"__meta_dcs_status":                t.Details.Status,
	}
	for _, key := range slices.SortedFunc(maps.Keys(t.Details.Tags), exactFirst) {
		name := "__meta_dcs_tag_" + labelName(key)
		if _, taken := labels[name]; !taken { // of keys that look the same then, the first
			labels[name] = t.Details.Tags[key]
		}
	}
	return labels
}

// exactFirst orders keys of tags: those that are names of labels as they are
// come first, so that none of them loses its label to a similar one.
func exactFirst(a, b string) int {
	changed := func(key string) int {
		if labelName(key) == key {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(changed(a), changed(b)), cmp.Compare(a, b))
}

// labelName replaces what the name of a label cannot have, as Prometheus does
// in its own service discoveries.
func labelName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || ('a' <= r && r <= 'z') || ('A' <= r && r <= 'Z') || ('0' <= r && r <= '9') {
			return r
		}
		return '_'
	}, s)
}
