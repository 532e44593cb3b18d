package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestAssumeAgency serves the sessions of another account, and has the check explain
// an agency that refuses.
func TestAssumeAgency(t *testing.T) {
	const account = "0123456789abcdef0123456789abcdef"
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SECRETSK"}) // good for no project
	api.Add(emulator.Instance{ID: "i1", ProjectID: "p1", Nodes: []emulator.Node{{ID: "n1", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "1"}}}}})
	api.SetAgencies(emulator.Agency{DomainID: account, DomainName: "other", Name: "readers", Projects: []string{"p1"}})
	server := httptest.NewServer(api)
	defer server.Close()
	defer api.Close()
	text := func(agency string) string {
		return fmt.Sprintf("defaults:\n  credentials: {access_key: AK, secret_key: SECRETSK}\n  assume_agency: {domain: %s, agency: %s}\nprojects:\n  - region: cn-north-4\n    endpoint: %s\n    iam_endpoint: %s\n    sts_endpoint: %s\n    instances: [{id: i1}]\n",
			account, agency, server.URL, server.URL, server.URL)
	}
	r := serveFile(t, text("readers"))
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	r.wantLine(`dcs_project_up{project_id="p1",region="cn-north-4"} 1`)
	if log := r.log.String(); strings.Contains(log, "SECRET") || strings.Contains(log, "assumed-secret") {
		t.Errorf("a secret in\n%s", log)
	}

	var stdout, stderr output
	err := run(t.Context(), []string{"check", "--online", "--config.file=" + write(t, text("writers"))}, &stdout, &stderr)
	if err == nil || !strings.Contains(stdout.String(), "there is no key of the agency") || !strings.Contains(stdout.String(), "STS5.0005") || strings.Contains(stdout.String(), "SECRET") {
		t.Errorf("got %v, %s", err, stdout.String())
	}
	if err := run(t.Context(), []string{"check", "--config.file=" + write(t, text("readers"))}, &stdout, &stderr); err != nil || !strings.Contains(stdout.String(), "agency       readers of account "+account) {
		t.Errorf("got %v, %s", err, stdout.String())
	}
}
