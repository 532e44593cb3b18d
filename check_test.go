package main

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// TestCheckOnline runs the command against an emulated API and checks its output
// and exit code.
func TestCheckOnline(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[:2]
	api.Add(fleet...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	config := emulator.DemoConfig(server.URL, fleet)
	good := "--config.file=" + write(t, config)
	bad := "--config.file=" + write(t, strings.Replace(config, emulator.DemoSecretKey, "SECRETSK", 1))
	for _, tt := range []struct {
		name   string
		args   []string
		stdout string // a part of it, "" for nothing at all
		err    string // a part of it, "" for none
		code   int
	}{
		{"table", []string{"check", "--online", good}, "OK, with 3 warnings. 1 project, 2 instances, 3 nodes to read", "", 0},
		{"failure", []string{"check", "--online", "--timeout=2s", bad}, "key          REFUSED", "the check failed (failures: 1, warnings: 0)", 1},
		{"not valid", []string{"check", "--online", "--config.file=" + write(t, "x: 1\n")}, "", "x: is not a configuration key", 2},
		{"no file", []string{"check", "--online", "--config.file=/nonexistent/c.yml"}, "", "no such file", 2},
		{"demo", []string{"check", "--online", "--demo"}, "", "--demo, which has no configuration file", 2},
		{"no such output", []string{"check", "--online", good, "--output=xml"}, "", `invalid --output "xml": must be one of table, json`, 2},
		{"no time", []string{"check", "--online", good, "--timeout=10ms"}, "", "invalid --timeout 10ms", 2},
		{"too much time", []string{"check", "--online", good, "--timeout=1h"}, "", "invalid --timeout 1h0m0s", 2},
		{"output alone", []string{"check", good, "--output=json"}, "", "--output requires --online", 2},
		{"timeout alone", []string{"check", good, "--timeout=5s"}, "", "--timeout requires --online", 2},
		{"offline", []string{"check", good}, "is valid", "", 0},
		{"unknown flag", []string{"check", "--onlin"}, "", "unknown long flag", 2},
		{"not served", []string{"--config.file=/nonexistent/c.yml"}, "", "no such file", 2},
		{"not listening", []string{good, "--web.listen-address=127.0.0.1:99999"}, "", "cannot listen on", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api.ResetRequests()
			var stdout, stderr output
			err := run(t.Context(), tt.args, &stdout, &stderr)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if err != nil && exitCode(err) != tt.code {
				t.Errorf("it ends with %d, want %d", exitCode(err), tt.code)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || (tt.stdout == "" && stdout.String() != "") {
				t.Errorf("stdout is\n%s\nwithout %q", stdout.String(), tt.stdout)
			}
			if n := len(api.Requests()); n > 0 && (tt.err != "" && tt.code == 2 || tt.name == "offline") {
				t.Errorf("%d requests were sent", n)
			}
			if api.Counts()["scan_clients"] > 0 {
				t.Error("a scan was sent")
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "SECRET") || strings.Contains(all, emulator.DemoSecretKey) {
				t.Errorf("a secret in\n%s", all)
			}
		})
	}
}

// TestCheckOnlineJSON checks the JSON output, with keys from files.
func TestCheckOnlineJSON(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[:1]
	api.Add(fleet...)
	server := httptest.NewServer(api)
	defer server.Close()
	path := write(t, strings.NewReplacer("access_key: "+emulator.DemoAccessKey, "access_key_file: ak", "secret_key: "+emulator.DemoSecretKey, "secret_key_file: sk").
		Replace(emulator.DemoConfig(server.URL, fleet)))
	dir := filepath.Dir(path)
	for name, content := range map[string]string{"ak": emulator.DemoAccessKey, "sk": emulator.DemoSecretKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr output
	if err := run(t.Context(), []string{"check", "--online", "--output=json", "--config.file=" + path}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	var report onlinecheck.Report
	if err := json.Unmarshal([]byte(stdout.String()), &report); err != nil {
		t.Fatalf("%v in\n%s", err, stdout.String())
	}
	if report.ConfigFile != path || report.Requests != 5 || report.Result != onlinecheck.Warning || report.Projects[0].Key.Source != "access key from "+filepath.Join(dir, "ak")+", secret key from "+filepath.Join(dir, "sk") {
		t.Errorf("%+v", report)
	}
}

// broken is a writer that always fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestCheckOnlineWriteFails checks that failing to write the report is an error.
func TestCheckOnlineWriteFails(t *testing.T) {
	api := emulator.New(emulator.Options{})
	server := httptest.NewServer(api)
	defer server.Close()
	path := write(t, emulator.DemoConfig(server.URL, emulator.DemoFleet(1)[:1]))
	for _, format := range []string{"table", "json"} {
		if err := run(t.Context(), []string{"check", "--online", "--output=" + format, "--config.file=" + path}, broken{}, &output{}); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: got %v", format, err)
		}
	}
}
