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

// TestCheckOffline compares the output of check: the meaning of the configuration
// with the hosts that receive the key, then the warnings. Warnings do not make it
// fail.
func TestCheckOffline(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yml")
	file := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	check := func(text string, mode os.FileMode) string {
		t.Helper()
		file("config.yml", text, mode)
		var stdout, stderr output
		if err := run(t.Context(), []string{"check", "--config.file=" + path}, &stdout, &stderr); err != nil {
			t.Fatalf("it ends with %v", err)
		}
		if stderr.String() != "" {
			t.Errorf("on stderr:\n%s", stderr.String())
		}
		return strings.ReplaceAll(stdout.String(), dir, "DIR")
	}
	file("sk", "\uFEFFSECRETSK\n", 0o644)
	const good = `projects:
  - region: cn-north-4
    project_id: 05041fffa40025702f6dc009cc6f8f33
    credentials: {access_key: a, secret_key_file: sk}
    proxy_url: http://user:SECRET@proxy.example:3128
    instances: [{id: 1f63d64e-0000-4000-8000-000000000000}]
`
	const meaning = `  endpoint     https://dcs.cn-north-4.myhuaweicloud.com
  credentials  access key from this file, secret key from DIR/sk
  key goes to  dcs.cn-north-4.myhuaweicloud.com through the proxy proxy.example:3128
  instances    1
    ID  its proxies, or else all its nodes
  limits       8 requests at once, 20 per second
New session lists are taken on a scrape, at most every 25s; a scrape waits up to 3s for them.
Lists up to 5m0s old are used. A scrape takes at most 30s.
`
	bad := strings.NewReplacer("05041fffa40025702f6dc009cc6f8f33", "orders", "1f63d64e-0000-4000-8000-000000000000", "prod-orders", "access_key: a", "access_key: '${SECRETAK}'").Replace(good)
	want := `DIR/config.yml is valid, with 6 warnings.

Project in region cn-north-4
  id           orders
` + strings.Replace(meaning, "ID", "prod-orders", 1) + `
WARNINGS
DIR/config.yml:3: projects[0].project_id: "orders" does not look like a project id (32 hexadecimal digits): is it a name? The console shows the id under My Credentials
DIR/config.yml:4: projects[0].credentials.access_key: contains a variable, and variables are not expanded: write the value itself, or put it into a file and set access_key_file, or remove credentials: the default chain reads the environment
DIR/config.yml:4: projects[0].credentials.secret_key_file: file DIR/sk can be read by every user of this machine: run chmod o-r on it
DIR/config.yml:4: projects[0].credentials.secret_key_file: file DIR/sk begins with a byte order mark, which is ignored: save it as UTF-8 without one
DIR/config.yml:5: projects[0].proxy_url: every user of this machine can read the file that contains this secret: run chmod o-r on it
DIR/config.yml:6: projects[0].instances[0].id: "prod-orders" does not look like an instance id such as 1f63d64e-0000-4000-8000-000000000000: is it a name? check --online shows the id
`
	if got := check(bad, 0o644); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	file("sk", "SECRETSK\n", 0o640)
	want = "DIR/config.yml is valid.\n\nProject in region cn-north-4\n  id           05041fffa40025702f6dc009cc6f8f33\n" + strings.Replace(meaning, "ID", "1f63d64e-0000-4000-8000-000000000000", 1)
	if got := check(good, 0o640); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := check(good, 0o644); !strings.HasPrefix(got, "DIR/config.yml is valid, with 1 warning.\n") {
		t.Errorf("got\n%s", got)
	}
}
