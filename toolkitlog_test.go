package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestToolkitLog checks that lines of exporter-toolkit have the shape of the
// exporter's own.
func TestToolkitLog(t *testing.T) {
	var out output
	slogger := newToolkitLogger(newLogger(flags{logLevel: "info", logFormat: "logfmt"}, &out))
	slogger.Debug("not logged")
	slogger.Info("Listening on", "address", "127.0.0.1:9947")
	slogger.With("a", 1).Warn("TLS is disabled.", "http2", false, "err", errors.New("x"))
	want := regexp.MustCompile(`^level=info ts=\S+Z msg="Listening on" address=127.0.0.1:9947
level=warn ts=\S+Z msg="TLS is disabled." a=1 http2=false err=x
$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got\n%s", out.String())
	}

	out = output{}
	newToolkitLogger(newLogger(flags{logLevel: "info", logFormat: "json"}, &out)).Info("TLS is disabled.", "http2", false)
	var line map[string]any
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil {
		t.Fatal(err)
	}
	if line["http2"] != false || len(line) != 4 {
		t.Errorf("got %v", line)
	}
}

// TestLogShape checks that all lines of a start and an end have one shape.
func TestLogShape(t *testing.T) {
	_, config := newReloadable(t)
	var log *output
	t.Run("served", func(t *testing.T) {
		log = serveFileAt(t, config("SECRETSK", "", "i1"), "127.0.0.1:0").log
	})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	shape := regexp.MustCompile(`^level=\w+ ts=\S+ msg=`)
	if len(lines) < 4 || slices.ContainsFunc(lines, func(line string) bool {
		return !shape.MatchString(line) || strings.Contains(line, " time=") || strings.Contains(line, "caller=")
	}) {
		t.Errorf("the log has other lines, or few:\n%s", log.String())
	}
}
