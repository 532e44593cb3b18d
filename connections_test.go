package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeForAnother runs the program in a process for TestFewDescriptors.
func TestServeForAnother(t *testing.T) {
	config := os.Getenv("DCS_TEST_CONFIG")
	if config == "" {
		t.Skip("not in another process")
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, []string{"--config.file=" + config, "--web.listen-address=127.0.0.1:0"}, io.Discard, os.Stderr); err != nil {
		t.Error(err)
	}
}

// TestFewDescriptors checks that 200 connections without a request do not block
// scrapes in a process with 64 descriptors.
func TestFewDescriptors(t *testing.T) {
	_, config := newReloadable(t)
	log := new(output)
	cmd := exec.Command("/bin/sh", "-c", `ulimit -n 64 && exec "$0" -test.run='^TestServeForAnother$'`, os.Args[0])
	cmd.Env = append(os.Environ(), "DCS_TEST_CONFIG="+write(t, config("SECRETSK", "scan: {min_interval: 1s}\n", "i1")))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v\n%s", err, log.String())
			}
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("it does not end")
		}
	}()
	r := &running{t: t, log: log}
	r.awaitURL()
	at := strings.TrimPrefix(r.url, "http://")
	for i := range 200 {
		conn, err := net.DialTimeout("tcp", at, 5*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		if i%2 == 0 { // idle after a request, not before one
			_, _ = fmt.Fprintf(conn, "GET /-/healthy HTTP/1.1\r\nHost: %s\r\n\r\n", at)
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200") {
				t.Fatalf("connection %d is not served: %q", i, line)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), `dcs_up{instance_id="i1"} 1`) {
			t.Errorf("%v\n%s", err, body)
		}
		open := regexp.MustCompile(`(?m)^process_open_fds (\d+)$`).FindStringSubmatch(string(body))
		if len(open) < 2 || len(open[1]) > 2 || open[1] > "56" {
			t.Errorf("open descriptors: %v", open)
		}
	}
	if n := strings.Count(log.String(), `msg="too many connections`); n != 1 {
		t.Errorf("%d lines tell, want 1:\n%s", n, log.String())
	}
}

// TestConnectionsWithRequests checks that connections with a request in progress
// are not closed to make room for others.
func TestConnectionsWithRequests(t *testing.T) {
	release := make(chan struct{})
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-release
			_, _ = io.WriteString(w, "done")
		}),
		ConnState: newConnections(8, newLogger(flags{}, io.Discard)).observe,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	var busy []net.Conn
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		return conn
	}
	for range 8 {
		conn := dial()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		busy = append(busy, conn)
	}
	time.Sleep(100 * time.Millisecond) // until their requests are in progress
	if n, err := dial().Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the ninth is not closed")
	}
	close(release)
	for i, conn := range busy {
		if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200") {
			t.Errorf("request %d: %q, %v", i, line, err)
		}
	}
}
