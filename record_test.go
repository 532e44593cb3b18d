package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/recording"
)

// TestRecord checks the command's output, its errors, and that it leaves nothing
// behind when it fails.
func TestRecord(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[1:2]
	api.Add(fleet...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	text := emulator.DemoConfig(server.URL, fleet)
	nobody := write(t, strings.ReplaceAll(text, server.URL, "http://127.0.0.1:1"))
	off := write(t, text+"scan: {mode: off}\n")
	good := write(t, text)
	for _, tt := range []struct {
		name   string
		args   []string
		output string // below a folder of its own
		err    string
		code   int
		stdout []string
		scans  int
	}{
		{"no such timeout", []string{"--config.file=" + good, "--timeout=1s"}, "r.tar.gz", "invalid --timeout 1s: must be between 10s and 1h", 2, nil, 0},
		{"scans are off", []string{"--config.file=" + off, "--scan"}, "r.tar.gz", "--scan contradicts scan.mode: off", 2, nil, 0},
		{"no such file", []string{"--config.file=/nonexistent"}, "r.tar.gz", "no such file", 2, nil, 0},
		{"no such folder", []string{"--config.file=" + good}, "none/r.tar.gz", "r.tar.gz: no such file or directory", 2, nil, 0},
		{"a folder", []string{"--config.file=" + good}, ".", "is not a regular file", 2, nil, 0},
		{"nobody answers", []string{"--config.file=" + nobody}, "r.tar.gz", "no recording was written: no request was answered", 1, nil, 0},
		{"no scan", []string{"--config.file=" + off}, "r.tar.gz", "", 0, []string{"0 nodes, 2 that could not be read", "500 8", "error_code: DCS.5000"}, 0},
		{"a scan", []string{"--config.file=" + good, "--scan"}, "r.tar.gz", "", 0, []string{"2 nodes, 0 that could not be read", "blpop, brpop, del, ", "user: default\n", "tar -xzOf ", "dcs_emulator --replay="}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api.ResetRequests()
			dir := t.TempDir()
			var stdout bytes.Buffer
			err := run(t.Context(), append([]string{"record", "--output=" + filepath.Join(dir, tt.output)}, tt.args...), &stdout, &stdout)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if err != nil && exitCode(err) != tt.code {
				t.Errorf("exit code %d, want %d", exitCode(err), tt.code)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("no %q in\n%s", part, stdout.String())
				}
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 1}[tt.err == ""]; len(left) != want {
				t.Errorf("%d files are left: %v", len(left), left)
			}
			scans := 0
			for _, r := range api.Requests() {
				if r.Operation == "scan_clients" {
					scans++
				}
			}
			if scans != tt.scans {
				t.Errorf("%d scans, want %d", scans, tt.scans)
			}
		})
	}
}

// TestRecordInterrupted checks that an interrupted command leaves nothing behind.
func TestRecordInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	var stdout bytes.Buffer
	err := run(ctx, []string{"record", "--output=" + filepath.Join(dir, "r"), "--config.file=" + write(t, emulator.DemoConfig(server.URL, emulator.DemoFleet(1)))}, &stdout, &stdout)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 || stdout.Len() > 0 {
		t.Errorf("it leaves %v and writes %q", left, stdout.String())
	}
}

// TestRecordForbiddenConfiguration checks that one instance whose configuration may
// not be read does not keep those of the others out of a recording.
func TestRecordForbiddenConfiguration(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[:2]
	api.Add(fleet...)
	api.AddFault(emulator.Fault{Operation: "list_configs", InstanceID: fleet[0].ID, Status: http.StatusForbidden, Code: "DCS.2003"})
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	var stdout bytes.Buffer
	args := []string{"record", "--output=" + filepath.Join(t.TempDir(), "r"), "--config.file=" + write(t, emulator.DemoConfig(server.URL, fleet))}
	if err := run(t.Context(), args, &stdout, &stdout); err != nil {
		t.Fatal(err)
	}
	for _, r := range api.Requests() {
		if r.Operation == "list_configs" && r.InstanceID == fleet[1].ID {
			return
		}
	}
	t.Error("the configuration of the second instance was not asked for")
}

// TestRecordLateError checks that an error whose body never ends is recorded, since
// its status line says what has happened.
func TestRecordLateError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error_code":`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	var recorder recording.Recorder
	key := emulator.DemoKey()
	client := dcsapi.New(dcsapi.Options{
		Endpoint: server.URL, ProjectID: emulator.DemoProject, Wrap: recorder.Transport,
		Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: key.AccessKey}, dcsapi.Secret{Value: key.SecretKey}, dcsapi.Secret{}),
	})
	t.Cleanup(client.Close)
	if _, err := client.GetInstance(t.Context(), "i"); dcsapi.ReasonOf(err) != dcsapi.ReasonForbidden {
		t.Fatalf("got %v", err)
	}
	recorded, _, err := recorder.Recording(recording.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	if x := recorded.Exchanges[0]; x.Response == nil || x.Response.Status != http.StatusForbidden || x.Failure != recording.FailureCut {
		t.Errorf("recorded is %+v", x)
	}
}

// TestRecordHangingLimits checks that requests for limits that hang do not take the
// time of everything else.
func TestRecordHangingLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for answers that do not come")
	}
	t.Parallel()
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[:3]
	api.Add(fleet...)
	api.SetFaults(emulator.Fault{Operation: "list_configs", Hang: true}, emulator.Fault{Operation: "list_flavors", Hang: true})
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	var stdout bytes.Buffer
	start := time.Now()
	args := []string{"record", "--timeout=5m", "--output=" + filepath.Join(t.TempDir(), "r"), "--config.file=" + write(t, emulator.DemoConfig(server.URL, fleet))}
	if err := run(t.Context(), args, &stdout, &stdout); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it takes %s", took)
	}
}
