package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"dcs_session_exporter/internal/config"
)

// TestLogLines checks that log lines are printable and limited in length,
// whatever is logged.
func TestLogLines(t *testing.T) {
	for _, format := range []string{"logfmt", "json"} {
		for _, tt := range []struct {
			name  string
			value any
			want  string // a part of it, without the format's own escapes
		}{
			{"terminal control", "\x1b[2J\x00\r\u009b31m\u202eevil\x7f", `31m`},
			{"invalid UTF-8", errors.New("a\x9bb"), "b"}, // the formats write U+FFFD in different ways
			{"long text", strings.Repeat("x", 2<<20), "xxx…"},
			{"long error", errors.New(strings.Repeat("ü", 2<<20)), "üüü…"},
			{"long escapes", strings.Repeat("\x1b", 2<<20), "…"},
			{"nothing there", (*config.Config)(nil), ""},
			{"duration", time.Second, "1s"},
		} {
			t.Run(format+" "+tt.name, func(t *testing.T) {
				var out output
				logger := newLogger(flags{logFormat: format, logLevel: "info"}, &out)
				if err := logger.Log("msg", "something", "value", tt.value); err != nil && tt.name != "nothing there" {
					t.Fatal(err)
				}
				got := out.String()
				text := strings.TrimSuffix(got, "\n")
				if len(got) > 9<<10 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || !strings.Contains(got, tt.want) {
					t.Errorf("%d bytes: %.300q", len(got), got)
				}
				if format == "json" && !json.Valid([]byte(got)) {
					t.Errorf("not JSON: %.300q", got)
				}
			})
		}
	}
}

// gate is a writer that blocks while it is shut.
type gate struct {
	output
	mu   sync.Mutex
	shut chan struct{} // nil while it is open
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return g.output.Write(p)
}

// close shuts the gate and returns a function that opens it.
func (g *gate) close() func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	shut := make(chan struct{})
	g.shut = shut
	return sync.OnceFunc(func() {
		g.mu.Lock()
		g.shut = nil
		g.mu.Unlock()
		close(shut)
	})
}

// TestLogIsNotRead checks that scrapes continue and the program ends if standard
// error is not read, and that lost lines are counted.
func TestLogIsNotRead(t *testing.T) {
	_, text := newReloadable(t)
	log := new(gate)
	r := &running{t: t, config: filepath.Join(t.TempDir(), "config.yml"), log: &log.output}
	r.write(text("SECRETSK", "", "i1"))
	ctx, end := context.WithCancel(context.Background())
	defer end()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--config.file=" + r.config, "--web.listen-address=127.0.0.1:0"}, io.Discard, log)
	}()
	r.awaitURL()
	defer http.DefaultClient.CloseIdleConnections()
	open := log.close()
	defer open()
	r.write("x: 1\n")
	ctxOfRequests, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 1100 { // a line each
		req, err := http.NewRequestWithContext(ctxOfRequests, http.MethodPost, r.url+"/-/reload", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	_, body := r.request(http.MethodGet, "/metrics")
	if !strings.Contains(body, `dcs_up{instance_id="i1"} 1`) || strings.Contains(body, "dcs_session_exporter_log_lines_lost_total 0\n") || !strings.Contains(body, "\ndcs_session_exporter_log_lines_lost_total ") {
		t.Errorf("the scrape has not what it should:\n%s", body)
	}
	open()
	r.await("lost lines are told of", func() bool { return strings.Contains(r.log.String(), `msg="log lines were lost`) })
	open = log.close()
	defer open()
	r.request(http.MethodPost, "/-/reload")
	begin := time.Now()
	end()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("it ended after %s", took)
	}
}

// TestComplain checks the program's final error message.
func TestComplain(t *testing.T) {
	var out output
	complain(&out, errors.New("first\n\x1b[31msecond\r"+strings.Repeat("x", 1<<20)))
	if got := out.String(); !strings.HasPrefix(got, "dcs_session_exporter: first\n\\x1b[31msecond\\rxxx") || !strings.HasSuffix(got, "x…\n") || len(got) > 70_000 {
		t.Errorf("%d bytes: %.200q", len(got), got)
	}
	blocked := new(gate)
	defer blocked.close()()
	begin := time.Now()
	complain(blocked, errors.New("nobody reads this"))
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it ended after %s", took)
	}
}
