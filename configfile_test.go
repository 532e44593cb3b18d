package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newPipe makes a named pipe.
func newPipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openPipe opens a pipe for writing once it has a reader.
func openPipe(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// put writes text to a pipe and closes it.
func put(t *testing.T, f *os.File, text string) {
	t.Helper()
	if _, err := io.WriteString(f, text); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

const notLoaded = `msg="configuration not loaded: the previous one stays in force"`

// TestPipe runs the program with a configuration from a named pipe. A SIGHUP
// while it is being read triggers a reload, which fails because the pipe is at
// its end; with a new writer, reloading works again.
func TestPipe(t *testing.T) {
	_, text := newReloadable(t)
	r := &running{t: t, config: newPipe(t), log: new(output)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--config.file=" + r.config, "--web.listen-address=127.0.0.1:0"}, io.Discard, r.log)
	}()
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	f := openPipe(t, r.config) // it is reading
	for range 3 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	put(t, f, text("SECRETSK", "", "i1"))
	r.awaitURL()
	r.await("it is read once more", func() bool { return strings.Contains(r.log.String(), notLoaded) })
	if log := r.log.String(); !strings.Contains(log, "config.fifo is a pipe that has been read to its end: restart the exporter") || strings.Count(log, notLoaded) != 1 {
		t.Errorf("the log is\n%s", log)
	}
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	r.wantLine("dcs_session_exporter_config_last_reload_successful 0")
	status, body := r.request(http.MethodPost, "/-/reload")
	if status != http.StatusInternalServerError || !strings.Contains(body, "The exporter's log says why") {
		t.Errorf("%d %s", status, body)
	}
	if log := r.log.String(); strings.Count(log, "is a pipe that has been read to its end") != 2 {
		t.Errorf("the log is\n%s", log)
	}

	// The pipe gets a new writer.
	written := make(chan struct{})
	go func() {
		defer close(written)
		put(t, openPipe(t, r.config), text("SECRETSK", "", "i1", "i2"))
	}()
	r.await("it is loaded again", func() bool {
		status, _ := r.request(http.MethodPost, "/-/reload")
		return status == http.StatusOK
	})
	<-written
	r.wantLine(`dcs_up{instance_id="i2"} 1`)
	r.wantLine("dcs_session_exporter_config_last_reload_successful 1")
}

// TestHangupAtStart checks that a SIGHUP during the first load of the
// configuration triggers a reload of its content at that time.
func TestHangupAtStart(t *testing.T) {
	_, text := newReloadable(t)
	r := &running{t: t, config: newPipe(t), log: new(output)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--config.file=" + r.config, "--web.listen-address=127.0.0.1:0"}, io.Discard, r.log)
	}()
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	f := openPipe(t, r.config)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.config); err != nil {
		t.Fatal(err)
	}
	r.write(text("SECRETSK", "", "i1", "i2"))
	put(t, f, text("SECRETSK", "", "i1"))
	r.awaitURL()
	r.await("it is loaded once more", func() bool {
		return strings.Contains(r.log.String(), `msg="configuration reloaded" projects=1`)
	})
	r.wantLine(`dcs_up{instance_id="i2"} 1`)
}

// TestPipeThatIsNotWritten checks that the program can be stopped while it waits
// for its configuration.
func TestPipeThatIsNotWritten(t *testing.T) {
	pipe := newPipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--config.file=" + pipe, "--web.listen-address=127.0.0.1:0"}, io.Discard, new(output))
	}()
	f := openPipe(t, pipe)
	defer f.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
}

// TestStdin runs the program as a separate process with a configuration from
// standard input. It survives SIGHUP at any time and keeps the configuration that
// it has read.
func TestStdin(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	binary := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, text := newReloadable(t)
	r := &running{t: t, log: new(output)}
	command := exec.CommandContext(t.Context(), binary, "--config.file=/dev/stdin", "--web.listen-address=127.0.0.1:0")
	command.Stderr = r.log
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	hangup := func() {
		t.Helper()
		if err := command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	half, rest, _ := strings.Cut(text("SECRETSK", "", "i1"), "instances:")
	filler := "\n" + strings.Repeat("# more than a pipe holds\n", 10_000) + "    "
	if _, err := io.WriteString(stdin, strings.TrimRight(half, " ")+filler); err != nil {
		t.Fatal(err)
	}
	hangup() // it has begun to read
	if _, err := io.WriteString(stdin, "instances:"+rest); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	r.awaitURL()
	r.await("it is read once more", func() bool { return strings.Contains(r.log.String(), notLoaded) })
	hangup()
	r.await("it is read again", func() bool { return strings.Count(r.log.String(), notLoaded) == 2 })
	if log := r.log.String(); !strings.Contains(log, "/dev/stdin is a pipe that has been read to its end") {
		t.Errorf("the log is\n%s", log)
	}
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	http.DefaultClient.CloseIdleConnections()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

// awaitURL waits until the program listens.
func (r *running) awaitURL() {
	r.t.Helper()
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+:\d+)`)
	r.await("it listens", func() bool {
		m := listening.FindStringSubmatch(r.log.String())
		if m != nil {
			r.url = "http://" + m[1]
		}
		return m != nil
	})
}
