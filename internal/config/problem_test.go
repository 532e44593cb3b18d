package config_test

import (
	"errors"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// problemCase is an invalid configuration with all its problems.
type problemCase struct {
	name, text string
	want       []string // after "c.yml"
}

// testProblems compares all problems of invalid configurations.
func testProblems(t *testing.T, cases []problemCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte(tt.text), "DIR")
			if cfg != nil || err == nil {
				t.Fatalf("accepted: %+v", cfg)
			}
			if _, ok := errors.AsType[config.Problems](err); !ok {
				t.Errorf("the error is a %T", err)
			}
			if want := "c.yml" + strings.Join(tt.want, "\nc.yml"); err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	testProblems(t, []problemCase{
		{"empty", "", []string{": is empty"}},
		{"only comments", "# nothing\n", []string{": is empty"}},
		{"null", "~\n", []string{": is empty"}},
		{"a list", "- a\n", []string{":1: must be a mapping of keys to values"}},
		{"second document", "zzzzzzzz: 1\n" + minimal + "---\nx: 1\n", []string{
			":1: zzzzzzzz: is not a configuration key", ":6: has a second document: the configuration must be a single one",
		}},
		{"no projects", "scan: {wait: 1s}\n", []string{":1: projects: is missing: list the projects to read, each with its region and instances or discover"}},
		{"projects is empty", "projects: []\n", []string{":1: projects: is empty: list the projects to read, each with its region and instances or discover"}},
		{"projects is a text", "projects: x\n", []string{":1: projects: must be a list"}},
		{"unknown keys", minimal + "scrape_timout: 5s\nzzzzzzzz: 1\n", []string{
			":5: scrape_timout: is not a configuration key: did you mean scrape_timeout?", ":6: zzzzzzzz: is not a configuration key",
		}},
		{"key twice", minimal + "idle_threshold: 5s\nidle_threshold: 6s\n", []string{":6: idle_threshold: duplicate key (first on line 5)"}},
		{"anchors", "projects: &p\n  - region: cn-north-4\nscan: *p\n", []string{
			":1: projects: anchors and aliases are not supported: write the value itself",
			":3: scan: anchors and aliases are not supported: write the value itself",
		}},
		{"durations", minimal + "scrape_timeout: 5\nidle_threshold: 0s\nmax_snapshot_age: soon\ndiscovery_interval: [1s]\n", []string{
			`:5: scrape_timeout: "5" is not a duration such as 500ms, 30s or 1h30m`, ":6: idle_threshold: must be longer than 0",
			`:7: max_snapshot_age: "soon" is not a duration such as 500ms, 30s or 1h30m`, ":8: discovery_interval: must be a duration such as 30s or 5m",
		}},
		{"offset too long", minimal + "scrape_timeout: 1s\nscrape_timeout_offset: 1s\n", []string{":6: scrape_timeout_offset: must be shorter than scrape_timeout (1s)"}},
		{"numbers", minimal + "limits: {users: -1, clients: 10001, names: many, networks: 1.5}\n", []string{
			`:5: limits.users: "-1" is not a whole number from 0 to 10000`, `:5: limits.clients: "10001" is not a whole number from 0 to 10000`,
			`:5: limits.names: "many" is not a whole number from 0 to 10000`, `:5: limits.networks: "1.5" is not a whole number from 0 to 10000`,
		}},
		{"words", minimal + "scan: {mode: sometimes}\nclient_address: {source: port, include_port: yes}\n", []string{
			`:5: scan.mode: "sometimes" is not one of on_scrape, off`, `:6: client_address.source: "port" is not one of addr, peer`,
			`:6: client_address.include_port: "yes" is not true or false`,
		}},
		{"buckets", minimal + "histograms:\n  age_buckets: [2, 1]\n  idle_buckets: [0, x]\n", []string{
			":6: histograms.age_buckets: the bounds must be in ascending order, without duplicates", `:7: histograms.idle_buckets[0]: "0" is not a number above 0 and at most 1e+12`,
			`:7: histograms.idle_buckets[1]: "x" is not a number above 0 and at most 1e+12`,
		}},
		{"no buckets", minimal + "histograms: {age_buckets: []}\n", []string{":5: histograms.age_buckets: must have 1 to 100 upper bounds, in seconds"}},
		{"tags", "projects:\n  - region: !x cn-north-4\n    instances: [!x {id: a}]\nidle_threshold: !!null x\n", []string{
			":2: projects[0].region: tags are not supported: remove the word that begins with an exclamation mark, or quote the value",
			":3: projects[0].instances[0]: tags are not supported: remove the word that begins with an exclamation mark, or quote the value",
			":4: idle_threshold: tags are not supported: remove the word that begins with an exclamation mark, or quote the value",
		}},
		{"merge key", minimal + "<<: {scrape_timeout: 1s}\n", []string{":5: merge keys are not supported: write the keys themselves"}},
		{"keys that are none", minimal + "\"a\\nb\": 1\n? [x]\n: 1\n'': 1\n" + strings.Repeat("k", 70) + ": 1\n", []string{
			":5: a…: is not a configuration key", ":6: has a key that is not a plain word", ":8: has a key that is not a plain word",
			":9: " + strings.Repeat("k", 64) + "…: is not a configuration key",
		}},
		{"no space after a colon", "projects: [{region: cn-north-4, project_id:x, instances: [{id: a}]}]\n", []string{":1: projects[0].project_id: needs a space after its colon"}},
		{"a line that runs on", "projects:\n  - region: cn-north-4\n      project_id:x\n    instances: [{id: a}]\n", []string{
			":2: projects[0].region: the value is not an id: use at most 128 letters, digits, - and _",
		}},
		{"short timeout", minimal + "scrape_timeout: 300ms\n", []string{":5: scrape_timeout: must be longer than scrape_timeout_offset (default 500ms)"}},
		{"only the bad timeout", minimal + "scrape_timeout: 5x\nscrape_timeout_offset: 31s\n", []string{`:5: scrape_timeout: "5x" is not a duration such as 500ms, 30s or 1h30m`}},
		{"bounds that are no numbers", minimal + "histograms: {age_buckets: [.inf, NaN, 1e999], idle_buckets: [1, 1]}\n", []string{
			`:5: histograms.age_buckets[0]: ".inf" is not a number above 0 and at most 1e+12`, `:5: histograms.age_buckets[1]: "NaN" is not a number above 0 and at most 1e+12`,
			`:5: histograms.age_buckets[2]: "1e999" is not a number above 0 and at most 1e+12`, ":5: histograms.idle_buckets: the bounds must be in ascending order, without duplicates",
		}},
	})
}
