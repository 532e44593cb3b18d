package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// build builds the daemon once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dcs_session_exporter")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "dcs_session_exporter")
	command := exec.Command("go", "build", "-o", binary, ".")
	command.Dir = ".."
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// daemon is a running exporter.
type daemon struct {
	url     string
	command *exec.Cmd
	exited  chan error
}

// startDaemon starts the exporter and returns when it listens.
func startDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, append(args, "--web.listen-address=127.0.0.1:0")...)
	logs, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d := &daemon{command: command, exited: make(chan error, 1)}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(logs)
		for lines.Scan() {
			t.Log(lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		d.exited <- command.Wait()
	}()
	t.Cleanup(func() { d.stop(t) })
	select {
	case a := <-address:
		d.url = "http://" + a
	case err := <-d.exited:
		t.Fatalf("the exporter ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the exporter does not listen")
	}
	return d
}

// stop sends SIGTERM and checks that the daemon ends with exit code 0.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if d.command == nil {
		return
	}
	_ = d.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.exited:
		if err != nil {
			t.Errorf("after SIGTERM: %v, want exit code 0", err)
		}
	case <-time.After(20 * time.Second):
		_ = d.command.Process.Kill()
		t.Error("the exporter does not end after SIGTERM")
	}
	d.command = nil
}

// get returns the body of a page.
func (d *daemon) get(t *testing.T, path string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// scrape returns the metric families of a scrape in the format that accept asks
// for.
func (d *daemon) scrape(t *testing.T, accept string) map[string]*dto.MetricFamily {
	t.Helper()
	return d.scrapePage(t, "/metrics", accept)
}

// scrapePage is scrape of another page.
func (d *daemon) scrapePage(t *testing.T, path, accept string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, body := d.get(t, path, http.Header{"Accept": {accept}})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", path, resp.Status, body)
	}
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.ResponseFormat(resp.Header))
	for {
		family := new(dto.MetricFamily)
		err := decoder.Decode(family)
		if errors.Is(err, io.EOF) {
			return families
		}
		if err != nil {
			t.Fatalf("decode %s: %v", resp.Header.Get("Content-Type"), err)
		}
		families[family.GetName()] = family
	}
}

// await polls a page until it has a status, and returns its body.
func (d *daemon) await(t *testing.T, path string, status int) []byte {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, body := d.get(t, path, nil)
		if resp.StatusCode == status {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s\n%s", path, resp.Status, body)
		}
	}
}

// The formats that scrapes ask for.
var (
	classicText = string(expfmt.NewFormat(expfmt.TypeTextPlain))
	protobuf    = string(expfmt.NewFormat(expfmt.TypeProtoDelim))
)

// serveAPI serves instances through the emulated API, and returns it with its
// base URL.
func serveAPI(t *testing.T, o emulator.Options, instances ...emulator.Instance) (*emulator.Server, string) {
	t.Helper()
	api := emulator.New(o)
	api.SetKey(emulator.DemoKey())
	api.Add(instances...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	return api, server.URL
}

// startAPI is serveAPI with the name of a configuration file to read it with.
func startAPI(t *testing.T, o emulator.Options, instances ...emulator.Instance) (*emulator.Server, string) {
	t.Helper()
	api, url := serveAPI(t, o, instances...)
	file := filepath.Join(t.TempDir(), "config.yml")
	config := emulator.DemoConfig(url, instances) + "limits: {clients: 1000}\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return api, file
}
