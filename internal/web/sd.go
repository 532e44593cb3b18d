package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"

	"golang.org/x/sync/singleflight"
)

// targetGroup is an element of an answer to Prometheus' HTTP service discovery.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discovery serves the instances as targets of Prometheus' HTTP service
// discovery, from memory. While they are not known it fails, and Prometheus
// keeps the targets that it has. Requests that overlap share an answer, and
// clients that do not read theirs hold no more memory than an outbox lets them.
type discovery struct {
	Options
	outbox *outbox
	making singleflight.Group // answers, by collector
}

// ServeHTTP implements http.Handler.
func (d *discovery) ServeHTTP(w http.ResponseWriter, _ *http.Request) { d.outbox.send(w, d.answer()) }

// answer returns the answer to a request that comes now.
func (d *discovery) answer() *answer {
	s, done := d.Settings()
	defer done()
	made, _, _ := d.making.Do(fmt.Sprintf("%p", s.Collector), func() (any, error) {
		out := newAnswer()
		list(out, s.Collector)
		return out, nil
	})
	return made.(*answer)
}

// list answers with the targets of a collector.
func list(w http.ResponseWriter, c *collector.Collector) {
	targets, err := c.Fleet().Targets()
	if err != nil {
		say(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// One group after the other: all of them at once take several times the
	// memory of the answer.
	separator := "["
	for _, t := range targets {
		group, _ := json.Marshal(targetGroup{[]string{t.ID}, metaLabels(t)}) // texts never fail
		_, _ = io.WriteString(w, separator)
		_, _ = w.Write(group)
		separator = ","
	}
	if len(targets) == 0 {
		_, _ = io.WriteString(w, separator)
	}
	_, _ = io.WriteString(w, "]\n")
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
		if _, taken := labels[name]; !taken { // several keys may have the same label name: the first one wins
			labels[name] = t.Details.Tags[key]
		}
	}
	return labels
}

// exactFirst orders tag keys. Keys that are valid label names come first, so
// that none of them loses its label to a similar key.
func exactFirst(a, b string) int {
	changed := func(key string) int {
		if labelName(key) == key {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(changed(a), changed(b)), cmp.Compare(a, b))
}

// labelName replaces characters that are not allowed in a label name, as
// Prometheus does in its own service discoveries.
func labelName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || ('a' <= r && r <= 'z') || ('A' <= r && r <= 'Z') || ('0' <= r && r <= '9') {
			return r
		}
		return '_'
	}, s)
}
