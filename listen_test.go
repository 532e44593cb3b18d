package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// newTaken returns an address that is in use.
func newTaken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestCannotListen checks that an unusable address is reported in one line,
// before anything is logged or sent to the API.
func TestCannotListen(t *testing.T) {
	taken := newTaken(t)
	api, config := newReloadable(t)
	file := write(t, config("WRONGKEY", "", "i1"))
	for _, tt := range []struct {
		name      string
		addresses []string
		err       []string // parts of it
	}{
		{"port in use", []string{taken}, []string{taken, "address already in use", "choose another port"}},
		{"second port in use", []string{"127.0.0.1:0", taken}, []string{`"` + taken + `"`, "address already in use"}},
		{"another machine's address", []string{"203.0.113.1:9947"}, []string{"203.0.113.1:9947", "this machine does not have that address", "--web.listen-address"}},
		{"no such name", []string{strings.Repeat("a", 64) + ".example:9947"}, []string{"no such host", "--web.listen-address"}},
		{"no port", []string{"127.0.0.1"}, []string{`"127.0.0.1"`, "missing port", "host:port"}},
		{"empty port", []string{"127.0.0.1:"}, []string{`"127.0.0.1:"`, "has no port"}},
		{"port too large", []string{"127.0.0.1:99999"}, []string{"invalid port", "host:port"}},
		{"empty", []string{""}, []string{`--web.listen-address ""`, "has no port"}},
		{"one of them empty", []string{"127.0.0.1:0", ""}, []string{`--web.listen-address ""`}},
	} {
		for _, source := range []string{"--config.file=" + file, "--demo"} {
			t.Run(tt.name+" "+source[:6], func(t *testing.T) {
				args := []string{source}
				for _, a := range tt.addresses {
					args = append(args, "--web.listen-address="+a)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				var stdout, stderr output
				err := run(ctx, args, &stdout, &stderr)
				if err == nil {
					t.Fatal("it listens")
				}
				if exitCode(err) != 2 || strings.Contains(err.Error(), "\n") || stderr.String() != "" {
					t.Errorf("exit code %d, want 2; error %q; besides on stderr: %q", exitCode(err), err, stderr.String())
				}
				for _, want := range tt.err {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
			})
		}
	}
	time.Sleep(50 * time.Millisecond) // what a collector would send by itself
	if sent := operations(api); len(sent) > 0 {
		t.Errorf("requests were sent: %v", sent)
	}
}

// TestListenOnSeveral checks that all addresses are served, and released when the
// program ends.
func TestListenOnSeveral(t *testing.T) {
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, l.Addr().String())
		l.Close()
	}
	_, config := newReloadable(t)
	t.Run("served", func(t *testing.T) {
		r := serveFileAt(t, config("SECRETSK", "", "i1"), addresses[0], "--web.listen-address="+addresses[1])
		for _, a := range addresses {
			r.url = "http://" + a
			if status, body := r.request("GET", "/-/ready"); status != 200 {
				t.Errorf("%s: %d %s", a, status, body)
			}
		}
	})
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			t.Errorf("not free: %v", err)
			continue
		}
		l.Close()
	}
}
