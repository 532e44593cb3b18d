package main

import (
	"cmp"
	"encoding/pem"
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

// TestAgencyAdvice checks that the check's advice is about what has failed, rather
// than always about the agency.
func TestAgencyAdvice(t *testing.T) {
	const account = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		secret, sts string
		fault       emulator.Fault
		want        []string
	}{
		"the agency refuses":     {fault: emulator.Fault{Status: 403, Code: "STS5.0005"}, want: []string{"STS5.0005", "create the agency"}},
		"the key is refused":     {secret: "WRONG", want: []string{"HTTP 401", "check access key and secret key of the key that asks"}},
		"no key":                 {secret: "none", want: []string{"white space", "set credentials in the configuration"}},
		"STS has trouble":        {fault: emulator.Fault{Status: 500, Code: "STS5.0001"}, want: []string{"STS5.0001", "run this again later"}},
		"throttled":              {fault: emulator.Fault{Status: 429, Code: "APIGW.0308"}, want: []string{"APIGW.0308", "wait a minute"}},
		"a portal":               {fault: emulator.Fault{Body: []byte("<html>")}, want: []string{"cannot read the response", "check sts_endpoint"}},
		"nobody there":           {sts: "http://127.0.0.1:1", want: []string{"before that, ask STS for a key", "routes and firewalls"}},
		"a key that has expired": {fault: emulator.Fault{Body: []byte(`{"credentials":{"access_key_id":"A","secret_access_key":"S","security_token":"T","expiration":"2020-01-01T00:00:00Z"}}`)}, want: []string{"it returned a key that expired", "synchronise this machine's clock"}},
	} {
		t.Run(name, func(t *testing.T) {
			api := emulator.New(emulator.Options{})
			api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SECRETSK"})
			api.SetAgencies(emulator.Agency{DomainID: account, Name: "readers"})
			if tt.fault.Status+len(tt.fault.Body) > 0 {
				tt.fault.Operation = "assume_agency"
				api.SetFaults(tt.fault)
			}
			server := httptest.NewServer(api)
			defer server.Close()
			defer api.Close()
			credentials := "credentials: {access_key: AK, secret_key: " + cmp.Or(tt.secret, "SECRETSK") + "}"
			if tt.secret == "none" {
				credentials = ""
				t.Setenv("HUAWEICLOUD_SDK_AK", "A K")
				t.Setenv("HUAWEICLOUD_SDK_SK", "SECRETSK")
			}
			iam := cmp.Or(tt.sts, server.URL)
			config := fmt.Sprintf("projects:\n  - region: cn-north-4\n    project_id: p1\n    endpoint: %s\n    iam_endpoint: %s\n    sts_endpoint: %s\n    assume_agency: {domain: %s, agency: readers}\n    discover: {}\n    %s\n",
				server.URL, iam, iam, account, credentials)
			var stdout, stderr output
			err := run(t.Context(), []string{"check", "--online", "--output=json", "--config.file=" + write(t, config)}, &stdout, &stderr)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(stdout.String(), want) {
					t.Errorf("%v, no %q in %s", err, want, stdout.String())
				}
			}
			if tt.want[1] != "create the agency" && strings.Contains(stdout.String(), "create the agency") {
				t.Errorf("advice about the agency in %s", stdout.String())
			}
		})
	}
}

// TestAgencyKeyFiles checks that the log has what happens to the key that asks.
func TestAgencyKeyFiles(t *testing.T) {
	api := newNodeAPI()
	api.SetAgencies(emulator.Agency{DomainName: "other", Name: "readers", Projects: []string{"p1"}})
	server := httptest.NewServer(api)
	defer server.Close()
	dir := t.TempDir()
	setKey(t, dir, "ak", "AK")
	setKey(t, dir, "sk", "SECRETSK")
	agency := fmt.Sprintf("    assume_agency: {domain: other, agency: readers}\n    iam_endpoint: %s\n", server.URL)
	r := serveFile(t, strings.Replace(fromFiles(server.URL, dir), "scan:", agency+"scan:", 1))
	r.wantLine(up)
	r.wantLog("only a part of the key has changed", 0)
	setKey(t, dir, "sk", "SECRETSK2")
	api.RemoveKey("ASSUMED1") // so that the agency is asked again
	r.wantLine(up)
	r.wantLog("source=\"access key from "+dir+"/ak, secret key from "+dir+"/sk\" msg=\"key not replaced: the current one stays in use\" err=\"only a part of the key has changed", 1)
}

// TestAgencyTLS checks that the project's TLS settings apply to STS and IAM too.
func TestAgencyTLS(t *testing.T) {
	const account = "0123456789abcdef0123456789abcdef"
	api := newNodeAPI()
	server := httptest.NewTLSServer(api)
	defer server.Close()
	ca := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for _, noSTS := range []bool{false, true} {
		api.SetAgencies(emulator.Agency{DomainID: account, Name: "readers", Projects: []string{"p1"}, NoSTS: noSTS})
		r := serveFile(t, strings.Replace(fromFiles(server.URL, ""), "scan:", fmt.Sprintf(
			"    credentials: {access_key: AK, secret_key: SECRETSK}\n    assume_agency: {domain: %s, agency: readers}\n    iam_endpoint: %s\n    sts_endpoint: %s\n    tls_config: {ca_file: %s}\nscan:",
			account, server.URL, server.URL, ca), 1))
		r.wantLine(up)
	}
}
