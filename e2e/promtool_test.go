package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"
)

// tolerated are findings of promtool that cannot be avoided, each with the
// reason: none so far.
var tolerated = map[string]string{}

// TestPromtoolCheckMetrics lints the demo's metrics.
func TestPromtoolCheckMetrics(t *testing.T) {
	t.Parallel()
	exporter := harness.StartExporter(t, "--demo")
	_, _, text := exporter.Get(t, "/metrics", http.Header{"Accept": {harness.ClassicText}})
	if n := strings.Count(string(text), "\ndcs_"); n < 1000 {
		t.Fatalf("the demo has %d series, want some thousand", n)
	}
	out, code := harness.Run(t, text, harness.Binary(t, "promtool"), "check", "metrics")
	var findings int
	for line := range strings.Lines(out) {
		findings++
		if _, ok := tolerated[strings.TrimSpace(line)]; !ok {
			t.Errorf("promtool check metrics: %s", line)
		}
	}
	if (code == 0) != (findings == 0) || findings != len(tolerated) {
		t.Errorf("promtool check metrics: exit code %d and %d findings, want the %d tolerated ones", code, findings, len(tolerated))
	}
}
