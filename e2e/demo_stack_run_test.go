package e2e_test

import (
	"bytes"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"go.yaml.in/yaml/v3"
)

// scrapeSettings is what the tests need of prometheus.yml.
type scrapeSettings struct {
	RuleFiles []string `yaml:"rule_files"`
	Alerting  struct {
		Alertmanagers []struct {
			StaticConfigs []staticTargets `yaml:"static_configs"`
		} `yaml:"alertmanagers"`
	} `yaml:"alerting"`
	ScrapeConfigs []struct {
		JobName   string `yaml:"job_name"`
		BasicAuth struct {
			Username string `yaml:"username"`
			Password string `yaml:"password"`
		} `yaml:"basic_auth"`
		StaticConfigs []staticTargets `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
	Global struct {
		ScrapeInterval string `yaml:"scrape_interval"`
	} `yaml:"global"`
}

type staticTargets struct {
	Targets []string `yaml:"targets"`
}

// readScrapeSettings reads the stack's prometheus.yml, which promtool checks.
func readScrapeSettings(t *testing.T) scrapeSettings {
	t.Helper()
	var s scrapeSettings
	if err := yaml.Unmarshal([]byte(read(t, demoStack+"prometheus.yml")), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.ScrapeConfigs) != 1 || len(s.ScrapeConfigs[0].StaticConfigs) != 1 || len(s.Alerting.Alertmanagers) != 1 || len(s.RuleFiles) != 1 {
		t.Fatalf("prometheus.yml: %+v, want one job, one Alertmanager and one entry of rule_files", s)
	}
	return s
}

// replaceAll replaces texts by others; each has to be there.
func replaceAll(t *testing.T, text string, pairs map[string]string) string {
	t.Helper()
	for _, old := range slices.Sorted(maps.Keys(pairs)) {
		if !strings.Contains(text, old) {
			t.Fatalf("there is no %q in\n%s", old, text)
		}
		text = strings.ReplaceAll(text, old, pairs[old])
	}
	return text
}

// TestDemoStackConfigs has promtool and amtool check the configurations, with
// paths that are those of the containers' mounts.
func TestDemoStackConfigs(t *testing.T) {
	t.Parallel()
	project := loadStack(t)
	prometheus, alertmanager := project.Services["prometheus"], project.Services["alertmanager"]
	rules := readScrapeSettings(t).RuleFiles[0]
	config := replaceAll(t, read(t, hostPath(t, prometheus, flagValue(t, prometheus, "--config.file"))), map[string]string{rules: hostPath(t, prometheus, rules)})
	path := harness.Write(t, t.TempDir(), "prometheus.yml", config)
	out, code := harness.Run(t, nil, harness.Binary(t, "promtool"), "check", "config", "--lint=all", "--lint-fatal", path)
	if files, _ := filepath.Glob(hostPath(t, prometheus, rules)); code != 0 || len(files) < 2 || strings.Count(out, " rules found") != len(files) {
		t.Errorf("promtool check config: exit code %d, %d rule files\n%s", code, len(files), out)
	}
	out, code = harness.Run(t, nil, harness.Binary(t, "amtool"), "check-config", hostPath(t, alertmanager, flagValue(t, alertmanager, "--config.file")))
	if code != 0 || !strings.Contains(out, "12 inhibit rules") {
		t.Errorf("amtool check-config: exit code %d\n%s", code, out)
	}
}

// TestDemoStackRuns runs the stack's parts without containers: with the flags
// and files of compose.yml, on other ports, faster, and with alerts that fire
// at once rather than after minutes.
func TestDemoStackRuns(t *testing.T) {
	t.Parallel()
	project := loadStack(t)
	// command returns the flags of a service but those that the harness gives.
	command := func(name string, but ...string) []string {
		service := project.Services[name]
		return slices.DeleteFunc(slices.Clone([]string(service.Command)), func(arg string) bool {
			flag, _, _ := strings.Cut(arg, "=")
			return slices.Contains(but, flag)
		})
	}
	service := project.Services["exporter"]
	webFile := flagValue(t, service, "--web.config.file")
	flags := strings.Join(command("exporter", "--web.listen-address"), "\n")
	exporter := harness.StartExporter(t, strings.Split(replaceAll(t, flags, map[string]string{webFile: hostPath(t, service, webFile)}), "\n")...)
	alertmanager := harness.StartAlertmanager(t, read(t, demoStack+"alertmanager.yml"), command("alertmanager", "--config.file", "--storage.path", "--cluster.listen-address")...)

	settings := readScrapeSettings(t)
	files, err := filepath.Glob(hostPath(t, project.Services["prometheus"], settings.RuleFiles[0]))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range files {
		harness.Write(t, dir, filepath.Base(file), regexp.MustCompile(`(?m)^( +(?:for|keep_firing_for):) .*$`).ReplaceAllString(read(t, file), "$1 0s"))
	}
	job := settings.ScrapeConfigs[0]
	p := harness.StartPrometheus(t, replaceAll(t, read(t, demoStack+"prometheus.yml"), map[string]string{
		settings.RuleFiles[0]:                                          dir + "/*.yml",
		job.StaticConfigs[0].Targets[0]:                                exporter.Address,
		settings.Alerting.Alertmanagers[0].StaticConfigs[0].Targets[0]: alertmanager.Address,
		"scrape_interval: 30s":                                         "scrape_interval: 3s",
		"scrape_timeout: 25s":                                          "scrape_timeout: 3s",
		"evaluation_interval: 15s":                                     "evaluation_interval: 1s",
	}), command("prometheus", "--config.file", "--storage.tsdb.path")...)

	p.AwaitValue(t, 1, `up{job=%q}`, job.JobName)
	p.AwaitValue(t, 5, `count(dcs_up == 1)`)
	p.Await(t, `node:dcs_sessions:sum`)
	loaded, err := p.API.Rules(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, group := range loaded.Groups {
		count += len(group.Rules)
	}
	want := 0
	for _, file := range files {
		want += len(regexp.MustCompile(`(?m)^ +- (alert|record): `).FindAllString(read(t, file), -1))
	}
	if count != want || count == 0 {
		t.Errorf("%d rules are loaded, want %d", count, want)
	}

	// The live table opens with the password, and only so.
	single := emulator.DemoFleet(1)[0]
	for header, want := range map[string]int{"": http.StatusUnauthorized, basicAuth(job.BasicAuth.Username, job.BasicAuth.Password): http.StatusOK} {
		status, _, body := exporter.Get(t, "/sessions?instance="+single.ID, http.Header{"Authorization": {header}})
		if status != want || want == http.StatusOK && !bytes.Contains(body, []byte("<table")) {
			t.Errorf("/sessions: status %d, want %d\n%s", status, want, body)
		}
	}

	// The demo's leak, and its hidden addresses, reach Alertmanager.
	amtool := func(args ...string) string {
		out, code := harness.Run(t, nil, harness.Binary(t, "amtool"), append([]string{"--alertmanager.url=http://" + alertmanager.Address}, args...)...)
		if code != 0 {
			t.Fatalf("amtool: exit code %d\n%s", code, out)
		}
		return out
	}
	harness.Await(t, "the demo's alerts in Alertmanager", func() bool {
		alerts := amtool("alert", "query", "--output=extended")
		return strings.Contains(alerts, `alertname="DcsAddressesMasked"`) && regexp.MustCompile(`alertname="DcsIdleSessions".*user="inventory"`).MatchString(alerts)
	})
	// And what one is told of once is not told twice.
	amtool("alert", "add", "DcsInstanceNotRead", "instance_id=i")
	amtool("alert", "add", "DcsNodeNotRead", "instance_id=i", "node_id=n")
	amtool("alert", "add", "DcsNodeNotRead", "instance_id=other", "node_id=n")
	harness.Await(t, "the inhibition", func() bool {
		told := amtool("alert", "query", "--output=extended", "alertname=DcsNodeNotRead")
		return strings.Contains(told, `instance_id="other"`) && !strings.Contains(told, `instance_id="i"`)
	})
	if all := amtool("alert", "query", "--inhibited", "--output=extended", "alertname=DcsNodeNotRead"); !strings.Contains(all, `instance_id="i"`) {
		t.Errorf("the inhibited alert is not there:\n%s", all)
	}
}

// basicAuth returns the header of a user and a password.
func basicAuth(user, password string) string {
	r := http.Request{Header: make(http.Header)}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}
