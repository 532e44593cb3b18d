package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/recording"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program and returns the configuration that it prints, and a
// function that ends it and returns its error.
func start(t *testing.T, args ...string) (string, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() {
		failed = run(ctx, append([]string{"--listen-address=127.0.0.1:0"}, args...), in, io.Discard)
		_ = in.Close()
	})
	end := func() error {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
		wg.Wait()
		return failed
	}
	// The configuration comes in one piece.
	text := make([]byte, 1<<16)
	n, err := bufio.NewReader(out).Read(text)
	if err != nil {
		t.Fatalf("%v, %v", err, end())
	}
	return string(text[:n]), end
}

func TestPrintsConfiguration(t *testing.T) {
	tests := []struct {
		name      string
		args      []string
		instances int
	}{
		{"demo fleet", nil, 7},
		{"one Redis", []string{"--redis.addr=127.0.0.1:1"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, end := start(t, tt.args...)
			cfg, err := config.Parse("printed", []byte(text), ".")
			if err != nil {
				t.Fatalf("the exporter refuses it: %v\n%s", err, text)
			}
			if n := len(cfg.Projects[0].Instances); n != tt.instances {
				t.Errorf("%d instances, want %d", n, tt.instances)
			}
			_, rest, _ := strings.Cut(text, " endpoint: ")
			base, _, _ := strings.Cut(rest, "\n")
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Get(base + "/v2/p/instances")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("an unsigned request is answered by %s", resp.Status)
			}
			if err := end(); err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"all addresses", []string{"--listen-address=:0"}, "not a loopback address"},
		{"all addresses, in full", []string{"--listen-address=0.0.0.0:0"}, "not a loopback address"},
		{"another address", []string{"--listen-address=192.0.2.1:0"}, "not a loopback address"},
		{"all IPv6 addresses", []string{"--listen-address=[::]:0"}, "not a loopback address"},
		{"no port", []string{"--listen-address=127.0.0.1"}, "missing port"},
		{"a port that is taken", []string{"--listen-address=" + taken.Addr().String()}, "in use"},
		{"unknown flag", []string{"--nothing"}, "try --help"},
		{"password file that is missing", []string{"--redis.addr=127.0.0.1:1", "--redis.password-file=" + filepath.Join(t.TempDir(), "none")}, "no such file"},
		{"unknown quirk", []string{"--quirk=bom", "--quirk=page-caps=5"}, `--quirk: unknown quirk "page-caps": use one of page-cap=N, hide-per-page=N`},
		{"quirk with a wrong value", []string{"--quirk=time-form=now"}, `quirk time-form: "now" is none of garbage, millis,`},
		{"unknown attack", []string{"--chaos=drip,drops"}, `--chaos: unknown attack "drops": use one of refuse-401-length, `},
		{"user without a Redis", []string{"--redis.username=alice"}, "require --redis.addr"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			var out bytes.Buffer
			err := run(ctx, tt.args, &out, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
				t.Errorf("got %v and %q, want %q", err, out.String(), tt.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &out, &out); err != nil || !strings.Contains(out.String(), "--scan-duration") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestHelpOfQuirks checks that the help explains each quirk and each attack.
func TestHelpOfQuirks(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &out, &out); err != nil {
		t.Fatal(err)
	}
	help := strings.Join(strings.Fields(out.String()), " ") // lines are wrapped
	for _, q := range emulator.Quirks() {
		if want := strings.Join(strings.Fields(q.String()+": "+q.Help+"."), " "); !strings.Contains(help, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, a := range emulator.Attacks() {
		if want := strings.Join(strings.Fields(a.Name+": "+a.Help+"."), " "); !strings.Contains(help, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestChaosOnTheCommandLine checks that an attack reaches the API.
func TestChaosOnTheCommandLine(t *testing.T) {
	text, end := start(t, "--chaos=redirect,drip", "--chaos.seed=3")
	defer func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}()
	cfg, err := config.Parse("printed", []byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.Projects[0]
	transport := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint+"/v2/"+p.ProjectID+"/instances", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 3 || !strings.HasSuffix(resp.Header.Get("Location"), "/redirected") {
		t.Errorf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
}

// TestQuirksOnTheCommandLine checks that quirks reach the API, several at once.
func TestQuirksOnTheCommandLine(t *testing.T) {
	text, end := start(t, "--quirk=bom", "--quirk=page-cap=100", "--quirk", "time-form=space")
	defer func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}()
	cfg, err := config.Parse("printed", []byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(cfg.Projects[0].Endpoint + "/v2/p/instances")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(body), "\uFEFF{") {
		t.Errorf("%q, %v", body, err)
	}
}

// TestReplay checks that a recording is served, and when it is refused.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording.tar.gz")
	file, err := recording.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.Write(file, &recording.Recording{
		Manifest: recording.Manifest{FormatVersion: recording.FormatVersion, Projects: []recording.Project{{Region: "cn-north-4", ID: "p1", Discover: recording.DiscoverAll}}},
		Exchanges: []recording.Exchange{{
			Request:  recording.Request{Method: http.MethodGet, Path: "/v2/p1/instances"},
			Response: &recording.Response{Status: http.StatusTeapot},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Commit(); err != nil {
		t.Fatal(err)
	}
	text, end := start(t, "--replay="+path)
	cfg, err := config.Parse("printed", []byte(text), ".")
	if err != nil {
		t.Fatalf("the exporter refuses it: %v\n%s", err, text)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(cfg.Projects[0].Endpoint + "/v2/p1/instances")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("answered by %s", resp.Status)
	}
	if err := end(); err != nil {
		t.Error(err)
	}

	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--replay=" + dir + "/none"}, "no such file"},
		{[]string{"--replay=" + path, "--quirk=bom"}, "cannot be combined"},
		{[]string{"--replay=" + path, "--redis.addr=127.0.0.1:1"}, "cannot be combined"},
		{[]string{"--replay=main.go"}, "cannot read the recording main.go: not a compressed archive"},
	} {
		if err := run(t.Context(), append([]string{"--listen-address=127.0.0.1:0"}, tt.args...), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.args, err, tt.want)
		}
	}
}
