package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// running is the program, serving a configuration file.
type running struct {
	t      *testing.T
	url    string
	config string // the file
	log    *output
}

// serveFile runs the program with a configuration until the test ends.
func serveFile(t *testing.T, text string) *running {
	t.Helper()
	return serveFileAt(t, text, "127.0.0.1:0")
}

// serveFileAt is like serveFile, with an address and further flags.
func serveFileAt(t *testing.T, text, address string, more ...string) *running {
	t.Helper()
	r := &running{t: t, config: filepath.Join(t.TempDir(), "config.yml"), log: new(output)}
	r.write(text)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"--config.file=" + r.config, "--web.listen-address=" + address}, more...), io.Discard, r.log)
	}()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.awaitURL()
	return r
}

func (r *running) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// await polls until a condition holds.
func (r *running) await(what string, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("never: %s\n%s", what, r.log.String())
		}
	}
}

func (r *running) request(method, path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// wantLine checks that a scrape contains a line.
func (r *running) wantLine(line string) {
	r.t.Helper()
	if _, body := r.request(http.MethodGet, "/metrics"); !strings.Contains(body, line+"\n") {
		r.t.Errorf("no line %s in\n%s", line, body)
	}
}

// newReloadable returns an emulated API with two instances, and the
// configuration of a project that reads those with the given ids.
func newReloadable(t *testing.T) (*emulator.Server, func(secret, more string, ids ...string) string) {
	t.Helper()
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SECRETSK", Projects: []string{"p1"}})
	for _, id := range []string{"i1", "i2"} {
		api.Add(emulator.Instance{ID: id, ProjectID: "p1", Nodes: []emulator.Node{{ID: "node-" + id, Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "7", Flags: "N"}}}}})
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, func(secret, more string, ids ...string) string {
		text := fmt.Sprintf("projects:\n  - region: cn-north-4\n    project_id: p1\n    endpoint: %s\n    credentials: {access_key: AK, secret_key: %s}\n    instances:\n", server.URL, secret)
		for _, id := range ids {
			text += "      - id: " + id + "\n"
		}
		return text + more
	}
}

// operations returns the operations that the API received since the last call.
func operations(api *emulator.Server) []string {
	var out []string
	for _, r := range api.Requests() {
		out = append(out, r.Operation)
	}
	api.ResetRequests()
	slices.Sort(out)
	return out
}

// TestReload reloads valid and invalid configurations in the running daemon, by
// signal and by request.
func TestReload(t *testing.T) {
	api, text := newReloadable(t)
	r := serveFile(t, text("SECRETSK", "scan: {min_interval: 1h}\n", "i1"))
	const good, bad = "dcs_session_exporter_config_last_reload_successful 1", "dcs_session_exporter_config_last_reload_successful 0"
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	r.wantLine(good)
	operations(api)

	// Add an instance: the first is not scanned again, and its nodes are still
	// known.
	r.write(text("SECRETSK", "scan: {min_interval: 1h}\nlimits: {hold: 0s}\n", "i1", "i2"))
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.await("the second instance is read", func() bool {
		_, body := r.request(http.MethodGet, "/metrics")
		return strings.Contains(body, `dcs_up{instance_id="i2"} 1`)
	})
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	if got := operations(api); slices.Contains(got, "list_instances") || len(slices.DeleteFunc(got, func(s string) bool { return s != "scan_clients" })) != 1 {
		t.Errorf("after the reload: %v", got)
	}

	// Invalid ones are rejected as a whole, and the log says why, without a secret.
	for _, broken := range []string{strings.Replace(text("x", "", "i1"), "secret_key:", "secret_key_file: SECRET", 1), "", "projects: [\n", text("SECRETSK", "x: 1\n", "i1"), text("SECRETSK", "", "i1", "i1"), text("{a: SECRET}", "", "i1")} {
		r.write(broken)
		before := len(r.log.String())
		status, body := r.request(http.MethodPost, "/-/reload")
		if status != http.StatusInternalServerError || !strings.Contains(body, "log says why") || strings.Contains(body, "config.yml") || strings.Contains(body, "SECRET") {
			t.Errorf("%d %s", status, body)
		}
		if logged := r.log.String()[before:]; !strings.Contains(logged, "config.yml") {
			t.Errorf("the log has %s", logged)
		}
		r.wantLine(bad)
		r.wantLine(`dcs_up{instance_id="i2"} 1`)
	}
	if err := os.Remove(r.config); err != nil {
		t.Fatal(err)
	}
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusInternalServerError {
		t.Errorf("without a file: %d %s", status, body)
	}

	// A valid one fixes it. A different key makes a new connection, which knows
	// nothing yet.
	r.write(text("WRONGKEY", "scan: {min_interval: 1h}\n", "i2"))
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	r.wantLine(good)
	r.wantLine(`dcs_project_up{project_id="p1",region="cn-north-4"} 0`)
	operations(api)
	// The refusal survives the connection: the key is not tried again.
	r.write(text("WRONGKEY", "idle_threshold: 3m\n    max_concurrent_requests: 3\n", "i2"))
	r.write(strings.Replace(text("WRONGKEY", "", "i2"), "    instances:", "    max_concurrent_requests: 3\n    instances:", 1))
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	r.wantLine(`dcs_up{instance_id="i2"} 0`)
	if got := operations(api); len(got) > 0 {
		t.Errorf("a refused key is tried again: %v", got)
	}
	r.write(text("SECRETSK", "metrics_endpoint: exporter\n", "i2"))
	r.request(http.MethodPost, "/-/reload")
	r.await("the good key is in force", func() bool {
		_, body := r.request(http.MethodGet, "/probe?target=i2")
		return strings.Contains(body, `dcs_up{instance_id="i2"} 1`)
	})
	if _, body := r.request(http.MethodGet, "/metrics"); strings.Contains(body, "dcs_up") {
		t.Error("/metrics reads instances")
	}
	if text := r.log.String(); strings.Contains(text, "SECRET") || strings.Contains(text, "WRONGKEY") {
		t.Errorf("a secret in\n%s", text)
	}
}

// TestReloadUnderLoad reloads repeatedly while scrapes of every kind run. Each
// gets a complete answer, and no goroutine or connection is left behind.
func TestReloadUnderLoad(t *testing.T) {
	_, text := newReloadable(t)
	configs := []string{
		text("SECRETSK", "scan: {min_interval: 1s}\n", "i1", "i2"),
		text("SECRETSK", "scan: {min_interval: 1s}\nhistograms: {age_buckets: [1, 2]}\n", "i1", "i2"),
		strings.Replace(text("SECRETSK", "", "i1", "i2"), "    instances:", "    requests_per_second: 19\n    instances:", 1),
	}
	r := serveFile(t, configs[0])
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for _, path := range []string{"/metrics", "/probe?target=i1", "/metrics", "/sd"} {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, body := r.request(http.MethodGet, path)
				if status != http.StatusOK || (path != "/sd" && !strings.Contains(body, `dcs_up{instance_id="i1"} 1`)) {
					t.Errorf("%s: %d\n%s", path, status, body)
					return
				}
			}
		})
	}
	for k := range 60 {
		r.write(configs[k%len(configs)])
		if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	close(stop)
	wait.Wait()
}

// TestKeyRotation rotates the key of the running daemon: each file separately,
// all at once through a link as Kubernetes does, in place and by renaming. The API
// refuses the old key once the new one is complete, and no scrape fails.
func TestKeyRotation(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.Add(emulator.Instance{ID: "i1", ProjectID: "p1", Nodes: []emulator.Node{{ID: "n1", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "7", Flags: "N"}}}}})
	server := httptest.NewServer(api)
	defer server.Close()
	dir := t.TempDir()
	put := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, path+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, path+".new"), filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	// valid makes a key the only valid one.
	valid := func(access string) {
		for _, old := range []string{"AK0", "AK1", "AK2", "AK3"} {
			api.RemoveKey(old)
		}
		api.SetKey(emulator.Key{AccessKey: access, SecretKey: "S" + access, Projects: []string{"p1"}})
	}
	put("v0/access", "AK0")
	put("v0/secret", "SAK0")
	link("v0", "data")
	link("data/access", "access")
	link("data/secret", "secret")
	valid("AK0")
	r := serveFile(t, fmt.Sprintf("projects:\n  - region: cn-north-4\n    project_id: p1\n    endpoint: %s\n    credentials: {access_key_file: %s/access, secret_key_file: %s/secret}\n    instances: [{id: i1}]\nscan: {min_interval: 0s}\nlimits_interval: 0s\n", server.URL, dir, dir))
	const up, down = `dcs_up{instance_id="i1"} 1`, `dcs_up{instance_id="i1"} 0`
	r.wantLine(up)

	put("v1/access", "AK1")
	put("v1/secret", "SAK1")
	link("v1", "data") // both at once
	valid("AK1")
	r.wantLine(up)

	put("v1/access", "AK2") // in place, one after the other
	r.wantLine(up)          // the old key is good still
	put("v1/secret", "SAK2")
	valid("AK2")
	r.wantLine(up)

	for _, name := range []string{"access", "secret"} { // by renaming
		put("new", map[string]string{"access": "AK3", "secret": "SAK3"}[name])
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "v1", name)); err != nil {
			t.Fatal(err)
		}
	}
	valid("AK3")
	r.wantLine(up)

	// The key is refused before its files are rotated: requests are held off until
	// then.
	api.RemoveKey("AK3")
	r.wantLine(down)
	r.wantLine(down)
	put("v1/secret", "SAK0")
	put("v1/access", "AK0")
	valid("AK0")
	r.wantLine(up)
	refused := 0
	for _, request := range api.Requests() {
		if request.Unauthorized {
			refused++
		}
	}
	if refused > 3 {
		t.Errorf("%d refused requests, for two pairs that were not good", refused)
	}
	if strings.Contains(r.log.String(), "SAK") {
		t.Errorf("a secret in\n%s", r.log.String())
	}
}

// TestIPv6 reads from and serves on IPv6 loopback only.
func TestIPv6(t *testing.T) {
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatalf("this machine has no IPv6 on loopback: %v", err)
	}
	api, text := newReloadable(t)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: api}}
	server.Start()
	defer server.Close()
	config := regexp.MustCompile(`endpoint: \S+`).ReplaceAllString(text("SECRETSK", "", "i1"), "endpoint: "+server.URL)
	r := serveFileAt(t, config, "[::1]:0")
	if !strings.HasPrefix(r.url, "http://[::1]:") {
		t.Errorf("it listens on %s", r.url)
	}
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
}
