package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct{ args, err string }{
		{"--help", ""},
		{"--nothing", "try --help"},
		{"--listen-address=0.0.0.0:0", "not a loopback address"},
		{"--redis.addr=127.0.0.1:1 --redis.password-file=/nonexistent", "/nonexistent"},
	} {
		err := run(t.Context(), strings.Fields(tt.args), io.Discard, io.Discard)
		if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", tt.args, err, tt.err)
		}
	}
}

// TestServes checks that the printed configuration names where the API is, and
// that it answers there.
func TestServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"--listen-address=127.0.0.1:0"}, w, io.Discard) }()
	buf := make([]byte, 64<<10)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	config := string(bytes.TrimSpace(buf[:n]))
	_, rest, found := strings.Cut(config, "endpoint: ")
	if !found {
		t.Fatalf("printed:\n%s", config)
	}
	endpoint, _, _ := strings.Cut(rest, "\n")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/v2/p/instances", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an unsigned request is answered with %s", resp.Status)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}
