package e2e_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// readme returns README.md and the page on fleets, which have the scrape
// configurations.
func readme(t *testing.T) string {
	t.Helper()
	var all []byte
	for _, page := range []string{"../README.md", "../docs/fleet.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// codeBlock matches a block of code in markdown: its indentation, its language
// and its text.
var codeBlock = regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```$")

// codeBlocks returns the blocks of code of a language, unindented.
func codeBlocks(markdown, language string) []string {
	var blocks []string
	for _, m := range codeBlock.FindAllStringSubmatch(markdown, -1) {
		if m[2] == language {
			blocks = append(blocks, strings.ReplaceAll("\n"+m[3], "\n"+m[1], "\n")[1:])
		}
	}
	return blocks
}

// commented matches the settings for native histograms that README has in a
// comment.
var commented = regexp.MustCompile(`(?m)^( *)# (scrape_native_histograms|always_scrape_classic_histograms): true$`)

// TestReadmeScrapeConfig loads the scrape configurations of README and the page on
// fleets into Prometheus: the first as it is, with what it proposes for native histograms,
// and with half of that; then that of a fleet.
func TestReadmeScrapeConfig(t *testing.T) {
	t.Parallel()
	configs := codeBlocks(readme(t), "yaml")
	configs = slices.DeleteFunc(configs, func(block string) bool { return !strings.HasPrefix(block, "scrape_configs:") })
	if len(configs) != 2 || len(commented.FindAllString(configs[0], -1)) != 2 {
		t.Fatalf("README.md and docs/fleet.md have to have two scrape configurations, the first with two settings in comments:\n%s", strings.Join(configs, "\n"))
	}
	node := singleNode(emulator.Static(sessionsOf(50, 300)))
	_, file := harness.StartAPI(t, emulator.Options{}, frozen, node)
	exporter := harness.StartExporter(t, "--config.file="+file)

	for _, tt := range []struct {
		name            string
		config          string
		classic, native int // histograms of session ages
	}{
		{"as it is", configs[0], 1, 0},
		{"native histograms", commented.ReplaceAllString(configs[0], "$1$2: true"), 1, 1},
		// Why README has the second setting.
		{"native histograms alone", strings.Replace(configs[0], "# scrape_native_histograms", "scrape_native_histograms", 1), 0, 1},
		{"a fleet", configs[1], 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := harness.Write(t, t.TempDir(), "prometheus.yml", tt.config)
			if out, code := harness.Run(t, nil, harness.Binary(t, "promtool"), "check", "config", "--lint=all", "--lint-fatal", path); code != 0 {
				t.Fatalf("promtool check config: exit code %d\n%s", code, out)
			}
			here := tt.config
			for from, to := range map[string]string{
				"exporter.example:9947": exporter.Address, "scrape_interval: 30s": "scrape_interval: 1s", "scrape_timeout: 25s": "scrape_timeout: 1s",
			} {
				if !strings.Contains(here, from) {
					t.Fatalf("the configuration lacks %q:\n%s", from, here)
				}
				here = strings.ReplaceAll(here, from, to)
			}
			p := harness.StartPrometheus(t, here)
			p.Await(t, `dcs_up{job="dcs_sessions"} == 1`)
			at := time.Now()
			if got := len(p.Query(t, at, `dcs_session_age_seconds_bucket{le="+Inf"}`)); got != tt.classic {
				t.Errorf("%d classic histograms, want %d", got, tt.classic)
			}
			if got := len(p.Query(t, at, `dcs_session_age_seconds`)); got != tt.native {
				t.Errorf("%d native histograms, want %d", got, tt.native)
			}
			// Both give the same median, as far as buckets can tell.
			if tt.classic == 1 {
				checkWithin(t, "the classic median", p.Value(t, at, `histogram_quantile(0.507, dcs_session_age_seconds_bucket)`), 3600, 21600)
			}
			if tt.native == 1 {
				lower, upper := nativeBounds(7500)
				checkWithin(t, "the native median", p.Value(t, at, `histogram_quantile(0.507, dcs_session_age_seconds)`), lower, upper)
			}
		})
	}
}
