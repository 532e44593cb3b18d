package e2e_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// links returns every link of the dashboard, by where it stands.
func (d dashboard) links(t *testing.T) map[string]link {
	t.Helper()
	all := make(map[string]link)
	add := func(where string, links []link) {
		for i, l := range links {
			all[fmt.Sprintf("%s: link %d of %s", d.file, i, where)] = l
		}
	}
	add("the dashboard", d.Links)
	for _, p := range d.Panels {
		where := fmt.Sprintf("panel %d (%s)", p.ID, p.Title)
		add(where, p.FieldConfig.Defaults.Links)
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				if property.ID == "links" {
					var links []link
					if err := json.Unmarshal(property.Value, &links); err != nil {
						t.Fatalf("%s: %v", where, err)
					}
					add(where+", "+o.Matcher.Options, links)
				}
			}
		}
	}
	return all
}

// sessionParameters are those of /sessions; for those with few values, these.
var sessionParameters = map[string][]string{"instance": nil, "node": nil, "addr": nil, "sort": {"omem", "idle", "age"}, "order": {"asc", "desc"}, "limit": nil}

// TestDashboardLinks checks where the dashboards lead to: to each other, and to
// the exporter's live table, with variables that both sides have.
func TestDashboardLinks(t *testing.T) {
	t.Parallel()
	all := dashboards(t)
	found := make(map[string]int) // from dashboard to dashboard or path
	for _, d := range all {
		has := func(d dashboard, name string) bool {
			return slices.ContainsFunc(d.Templating.List, func(v variable) bool { return v.Name == name })
		}
		for where, l := range d.links(t) {
			path, parameters, _ := strings.Cut(l.URL, "?")
			for _, m := range regexp.MustCompile(`\$\{([^}]*)\}`).FindAllStringSubmatch(l.URL, -1) {
				name, _, _ := strings.Cut(m[1], ":")
				if !strings.HasPrefix(name, "__") && !has(d, name) {
					t.Errorf("%s: %s has no variable %s", where, d.UID, name)
				}
			}
			given := make(map[string]string)
			for parameter := range strings.SplitSeq(parameters, "&") {
				name, value, _ := strings.Cut(parameter, "=")
				given[name] = value
			}
			switch {
			case strings.HasPrefix(path, "/d/"):
				uid, slug, _ := strings.Cut(strings.TrimPrefix(path, "/d/"), "/")
				to := dashboardOf(t, all, uid)
				if slug != uid {
					t.Errorf("%s: %q", where, path)
				}
				for name := range given {
					name = strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(name, "${"), ":queryparam}"), "var-")
					if name != "${__url_time_range}" && name != "__url_time_range}" && !has(to, name) {
						t.Errorf("%s: %s has no variable %q", where, uid, name)
					}
				}
				_, withInstance := given["var-instance"]
				if (uid == "dcs-sessions-instance") != withInstance || given["${datasource:queryparam}"] != "" {
					t.Errorf("%s: %s", where, l.URL)
				}
				if _, ok := given["${datasource:queryparam}"]; !ok {
					t.Errorf("%s: loses the data source: %s", where, l.URL)
				}
				for _, kept := range []string{"exporter", "job", "cluster", "team"} {
					if _, ok := given["${"+kept+":queryparam}"]; !ok {
						t.Errorf("%s: loses the variable %s: %s", where, kept, l.URL)
					}
				}
				found[d.UID+" to "+uid]++
			case path == "${exporter}/sessions":
				for name, value := range given {
					values, ok := sessionParameters[name]
					if !ok || value == "" || values != nil && !slices.Contains(values, value) {
						t.Errorf("%s: /sessions has no %s=%s", where, name, value)
					}
				}
				if given["instance"] != "${instance}" || given["node"] == "" {
					t.Errorf("%s: names no instance and node: %s", where, l.URL)
				}
				found[d.UID+" to /sessions"]++
			default:
				t.Errorf("%s: leads to %q", where, l.URL)
			}
		}
	}
	for _, way := range []string{"dcs-sessions-fleet to dcs-sessions-instance", "dcs-sessions-instance to /sessions", "dcs-sessions-instance to dcs-sessions-fleet"} {
		if found[way] == 0 {
			t.Errorf("no link from %s", way)
		}
	}
}
