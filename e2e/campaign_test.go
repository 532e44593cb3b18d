package e2e_test

import (
	"testing"

	"dcs_session_exporter/e2e/campaign/attack"
	"dcs_session_exporter/e2e/harness"
)

// TestCampaign runs a selection of the campaign's attacks, a few at a time:
// the whole is go -C e2e run ./campaign.
func TestCampaign(t *testing.T) {
	selection := attack.Selection()
	if len(selection) < 10 {
		t.Errorf("%d attacks are selected, want ten or so", len(selection))
	}
	slots := make(chan struct{}, 3)
	for _, a := range selection {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			result, err := attack.Run(t.Context(), harness.ExporterPath(), a, 1)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(result.Seen)
			for _, wrong := range result.Wrong {
				t.Errorf("want %s: %s", a.Expected, wrong)
			}
			if t.Failed() {
				t.Logf("the log of the exporter:\n%s", result.Log)
			}
		})
	}
}
