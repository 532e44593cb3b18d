package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLogReaderIsGone checks that the exporter outlives whoever has read its
// standard error through a pipe, and counts the lines that are lost.
func TestLogReaderIsGone(t *testing.T) {
	_, config := newReloadable(t)
	r := &running{t: t, config: filepath.Join(t.TempDir(), "config.yml"), log: new(output)}
	r.write(config("SECRETSK", "", "i1"))
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeForAnother$")
	cmd.Env = append(os.Environ(), "DCS_TEST_CONFIG="+r.config)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	for lines := bufio.NewScanner(log); r.url == "" && lines.Scan(); {
		if _, at, ok := strings.Cut(lines.Text(), `msg="Listening on" address=`); ok {
			r.url = "http://" + at
		}
	}
	log.Close()
	defer http.DefaultClient.CloseIdleConnections()
	r.write("x: 1\n")
	for range 3 { // a line each
		if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusInternalServerError {
			t.Fatalf("reload: %d %s", status, body)
		}
	}
	if _, body := r.request(http.MethodGet, "/metrics"); !strings.Contains(body, `dcs_up{instance_id="i1"} 1`) || strings.Contains(body, "dcs_session_exporter_log_lines_lost_total 0\n") {
		t.Errorf("the scrape has not what it should:\n%s", body)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Error("it does not end")
	}
}
