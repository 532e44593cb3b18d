package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestAgency reads another account with the keys of an agency there, as a real
// Prometheus sees it and as check and /status tell it: from STS, and from IAM where
// there is no STS.
func TestAgency(t *testing.T) {
	t.Parallel()
	const account, project = "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcd00"
	for name, noSTS := range map[string]bool{"STS": false, "IAM": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instance := emulator.DemoFleet(1)[0]
			instance.ProjectID = project
			api, url := harness.ServeAPI(t, emulator.Options{}, instance)
			api.SetAgencies(emulator.Agency{DomainID: account, Name: "readers", Projects: []string{project}, NoSTS: noSTS})
			config := func(agency string) string {
				return harness.Write(t, t.TempDir(), "config.yml", fmt.Sprintf(`projects:
  - region: %s
    project_id: %s
    endpoint: %s
    iam_endpoint: %s
    sts_endpoint: %s
    credentials: {access_key: %s, secret_key: %s}
    assume_agency: {domain: %s, agency: %s}
    discover: {}
`, emulator.DemoRegion, project, url, url, url, emulator.DemoAccessKey, emulator.DemoSecretKey, account, agency))
			}
			good := config("readers")
			if output, code := harness.RunExporter(t, "check", "--online", "--config.file="+good); code != 0 {
				t.Errorf("check ended with %d:\n%s", code, output)
			}
			if output, code := harness.RunExporter(t, "check", "--online", "--config.file="+config("writers")); code == 0 || !strings.Contains(output, "create the agency") {
				t.Errorf("of an agency that does not exist, check ended with %d:\n%s", code, output)
			}
			exporter := harness.StartExporter(t, "--config.file="+good, "--web.enable-sessions")
			prometheus := harness.StartPrometheus(t, fmt.Sprintf("scrape_configs:\n  - {job_name: dcs, scrape_interval: 2s, static_configs: [{targets: [%q]}]}\n", exporter.Address))
			prometheus.AwaitValue(t, 1, `dcs_up{instance_id="%s"}`, instance.ID)
			if n := prometheus.Value(t, time.Time{}, `sum(dcs_sessions)`); n <= 0 {
				t.Errorf("%v sessions", n)
			}
			if _, _, body := exporter.Get(t, "/status?format=json", nil); !strings.Contains(string(body), "agency readers of account "+account) || strings.Contains(string(body), "assumed-secret") || strings.Contains(string(body), emulator.DemoSecretKey) {
				t.Errorf("/status says\n%s", body)
			}
		})
	}
}
