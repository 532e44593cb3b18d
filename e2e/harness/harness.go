// Package harness runs the exporter and the programs around it for end-to-end
// tests: each as a process of its own on loopback, on a port that was free,
// with its log shown when the test fails, and stopped when the test ends. It
// runs on Linux.
package harness

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long Await waits.
const patience = 60 * time.Second

var (
	root     string // absolute path of the repository
	exporter string // path of the built daemon
)

// Main builds the daemon and runs the tests; TestMain calls it with the path to
// the root of the repository.
func Main(m *testing.M, repository string) {
	os.Exit(run(m, repository))
}

func run(m *testing.M, repository string) int {
	var err error
	if root, err = filepath.Abs(repository); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "dcs_session_exporter")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if exporter, err = Build(root, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build builds the daemon from the root of the repository into a folder, and
// returns its path.
func Build(root, dir string) (string, error) {
	path := filepath.Join(dir, "dcs_session_exporter")
	build := exec.Command("go", "build", "-o", path, ".") //nolint:noctx // the caller has a time limit, if any
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// ExporterPath returns the path of the daemon that Main has built.
func ExporterPath() string { return exporter }

// Await waits until a condition holds, and ends the test if that takes too
// long.
func Await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(patience); !holds(); <-ticker.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for: %s", patience, what)
		}
	}
}

// send sends a request, and returns the answer's status, header and body.
func send(t *testing.T, method, url string, header http.Header, body []byte) (status int, got http.Header, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}
