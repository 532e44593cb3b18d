package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// output collects what the program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const valid = "projects:\n  - region: cn-north-4\n    project_id: p1\n    credentials: {access_key: SECRETAK, secret_key: SECRETSK}\n    instances: [{id: i1}]\n"

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		stdout string // a part of it
		err    string // a part of it, "" for none
	}{
		{"help", []string{"--help"}, "--config.file", ""},
		{"version", []string{"--version"}, "dcs_session_exporter, version", ""},
		{"unknown flag", []string{"--nothing"}, "", "unknown long flag '--nothing' (try --help)"},
		{"unknown command", []string{"dance"}, "", "try --help"},
		{"demo with a file", []string{"--demo", "--config.file=x"}, "", "cannot be combined"},
		{"demo is checked", []string{"check", "--demo"}, "", "--demo, which has no configuration file"},
		{"no file", []string{"check", "--config.file=/nonexistent/c.yml"}, "", "/nonexistent/c.yml: no such file"},
		{"no file to serve", []string{"--config.file=/nonexistent/c.yml"}, "", "--demo"},
		{"valid", []string{"check", "--config.file=" + write(t, valid)}, "is valid", ""},
		{"not valid", []string{"check", "--config.file=" + write(t, "projects: []\nx: 1\n")}, "", "config.yml:1: projects: is empty: list the projects to read, each with its region and instances or discover\n"},
		{"not valid to serve", []string{"--config.file=" + write(t, "x: 1\n")}, "", "config.yml:1: x: is not a configuration key"},
		{"bad path", []string{"--demo", "--web.telemetry-path=/"}, "", "--web.telemetry-path"},
		{"bad level", []string{"--demo", "--log.level=loud"}, "", "loud"},
		{"sessions for everybody", []string{"--demo", "--web.enable-sessions", "--web.listen-address=:0"}, "", "cannot enable --web.enable-sessions: sessions show client addresses"},
		{"bad web config", []string{"--demo", "--web.listen-address=127.0.0.1:0", "--web.config.file=/nonexistent/web.yml"}, "", "web.yml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr output
			err := run(t.Context(), tt.args, &stdout, &stderr)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if !strings.Contains(stdout.String(), tt.stdout) {
				t.Errorf("stdout is\n%s\nwithout %q", stdout.String(), tt.stdout)
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "SECRET") {
				t.Errorf("a secret in\n%s", all)
			}
		})
	}
}

// TestTelemetryPath checks that metrics are served at any plain path, and that
// other paths are refused in one line before anything else happens.
func TestTelemetryPath(t *testing.T) {
	taken := newTaken(t) // so that no server starts
	for path, good := range map[string]bool{
		"/metrics": true, "/dcs/metrics": true, "/a.b_c~d-e": true, "/probes": true, "/probe/x": true, "/-": true, "/.well-known/m": true,
		"": false, "metrics": false, "/": false, "//": false, "//metrics": false, "/metrics//": false, "/metrics/": false, "/a//b": false,
		"/a/../b": false, "/./a": false, "/..": false, "/probe": false, "/probe/": false, "//probe": false, "/x/../probe": false,
		"/sd": false, "/sessions": false, "/status": false, "/-/ready": false, "/-/metrics": false, "/%70robe": false, "/%2F": false, "/%": false,
		"/{x}": false, "/{$}": false, "/{x...}": false, "/}": false, "/a b": false, "/a?b": false, "/a#b": false, "/a\nb": false, "/a\\b": false,
		"/\xff": false, "/a\x00": false, "GET /metrics": false, "example.com/metrics": false,
	} {
		var stdout, stderr output
		err := run(t.Context(), []string{"--demo", "--web.listen-address=" + taken, "--web.telemetry-path=" + path}, &stdout, &stderr)
		if err == nil || exitCode(err) != 2 || strings.Contains(err.Error(), "\n") || stderr.String() != "" {
			t.Errorf("%q: %v; on stderr %q", path, err, stderr.String())
			continue
		}
		if refused := strings.HasPrefix(err.Error(), "invalid --web.telemetry-path "); refused == good {
			t.Errorf("%q: %v", path, err)
		}
	}
	_, config := newReloadable(t)
	for _, path := range []string{"/probe/x", "/-", "/.well-known/m"} {
		t.Run(path, func(t *testing.T) {
			r := serveFileAt(t, config("SECRETSK", "", "i1"), "127.0.0.1:0", "--web.telemetry-path="+path)
			if status, body := r.request(http.MethodGet, path); status != http.StatusOK || !strings.Contains(body, `dcs_up{instance_id="i1"} 1`) {
				t.Errorf("%d\n%s", status, body)
			}
		})
	}
}

// TestDemo runs the demo, scrapes it, and ends it.
func TestDemo(t *testing.T) {
	for _, format := range []string{"logfmt", "json"} {
		t.Run(format, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout, stderr output
			done := make(chan error, 1)
			go func() {
				done <- run(ctx, []string{"--demo", "--web.listen-address=127.0.0.1:0", "--log.format=" + format}, &stdout, &stderr)
			}()
			address := ""
			listening := regexp.MustCompile(`(?:address=|"address":")(127\.0\.0\.1:\d+)`)
			for range 200 {
				if m := listening.FindStringSubmatch(stderr.String()); m != nil {
					address = m[1]
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if address == "" {
				t.Fatalf("it does not listen:\n%s", stderr.String())
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s, %v", resp.Status, err)
			}
			text := string(body)
			if n := strings.Count(text, "\ndcs_node_up{"); n != 12 {
				t.Errorf("%d nodes, want 12", n)
			}
			if n := strings.Count(text, "\ndcs_up{"); n != 5 || strings.Contains(text, "\ndcs_up{} 0") {
				t.Errorf("%d instances, want 5", n)
			}
			for _, series := range []string{"dcs_project_up{", `reason="not_running"`, `reason="unsupported"`, `user="inventory"`, "go_goroutines", "process_cpu_seconds_total", "dcs_session_exporter_build_info", "dcs_session_exporter_config_last_reload_successful 1"} {
				if !strings.Contains(text, series) {
					t.Errorf("the scrape lacks %s", series)
				}
			}
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(15 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

// full is a writer that accepts nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestHelpCannotBeWritten checks that failing to write the help is an error, not
// a panic.
func TestHelpCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"sessions", "--help"}, {"--version"}} {
		if err := run(t.Context(), args, full{}, new(output)); !errors.Is(err, syscall.ENOSPC) || exitCode(err) != 1 {
			t.Errorf("%v: got %v", args, err)
		}
	}
}
