package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/internal/printable"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// longestValue is the maximum length of a value in a log line, in bytes.
const longestValue = 4 << 10

// newLogger returns the logger that the command line asks for.
func newLogger(f flags, w io.Writer) log.Logger {
	logger := log.NewLogfmtLogger(w)
	if f.logFormat == "json" {
		logger = log.NewJSONLogger(w)
	}
	logger = level.NewFilter(tidy{logger}, level.Allow(level.ParseDefault(f.logLevel, level.InfoValue())))
	return log.With(logger, "ts", log.DefaultTimestampUTC)
}

// tidy is a logger that makes values printable and limits their length: some of
// them are untrusted input.
type tidy struct{ log.Logger }

// Log implements log.Logger.
func (l tidy) Log(keyvals ...any) error {
	out := make([]any, len(keyvals))
	for i, v := range keyvals {
		out[i] = tidied(v)
	}
	return l.Logger.Log(out...)
}

// tidied returns the form of a value that is logged.
func tidied(v any) any {
	switch v := v.(type) {
	case json.Marshaler, encoding.TextMarshaler: // times
		return v
	case string:
		return printable.Cut(printable.Lines(printable.Cut(v, longestValue)), longestValue) // escapes are longer
	case error, fmt.Stringer:
		return tidied(fmt.Sprint(v)) // safe for nil pointers
	default:
		return v
	}
}

const (
	// keptLines is how many log lines are queued while they cannot be written.
	keptLines = 1000
	// linePatience is how long Write waits for its line to be written. Usually
	// the line is written by then. Once a line takes longer, Write stops waiting
	// until the next line has been written.
	linePatience = 100 * time.Millisecond
	// flushPatience is how long close waits for the remaining lines.
	flushPatience = 2 * time.Second
)

// lines writes log lines to a writer that may block, without blocking the
// callers. Lines that do not fit in its queue are lost, and counted. It is safe
// for concurrent use. Use newLines to make one.
type lines struct {
	w      io.Writer
	report func(w io.Writer, lost int64) // writes how many lines were lost

	queue  chan line
	slow   atomic.Bool  // a line took too long, and none has been written since
	lost   atomic.Int64 // since the last report
	onLost func()
	ended  chan struct{} // closed when all lines are written

	mu     sync.RWMutex
	closed bool
}

// line is a line in the queue.
type line struct {
	text    []byte
	written chan struct{}
}

// newLines returns a writer to w. It calls onLost for each line that is lost.
func newLines(w io.Writer, report func(w io.Writer, lost int64), onLost func()) *lines {
	l := &lines{w: w, report: report, onLost: onLost, queue: make(chan line, keptLines), ended: make(chan struct{})}
	go l.run()
	return l
}

// Write implements io.Writer. p must be one line.
func (l *lines) Write(p []byte) (int, error) {
	next := line{bytes.Clone(p), make(chan struct{})}
	if !l.add(next) {
		l.lost.Add(1)
		l.onLost()
		return len(p), nil
	}
	if l.slow.Load() {
		return len(p), nil
	}
	patience := time.NewTimer(linePatience)
	defer patience.Stop()
	select {
	case <-next.written:
	case <-patience.C:
		l.slow.Store(true)
	}
	return len(p), nil
}

// add queues a line and reports whether there was room for it.
func (l *lines) add(next line) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false
	}
	select {
	case l.queue <- next:
		return true
	default:
		return false
	}
}

// run writes the queued lines.
func (l *lines) run() {
	defer close(l.ended)
	for next := range l.queue {
		if _, err := l.w.Write(next.text); err != nil { // there is nowhere to report it
			l.onLost()
		}
		l.slow.Store(false)
		close(next.written)
		if len(l.queue) > 0 {
			continue
		}
		if lost := l.lost.Swap(0); lost > 0 {
			l.report(l.w, lost)
		}
	}
}

// close, which must be called once, accepts no more lines and waits up to flushPatience for the queued ones.
func (l *lines) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.queue)
	select {
	case <-l.ended:
	case <-time.After(flushPatience):
	}
}

// reportLost returns a function that logs how many lines were lost.
func reportLost(f flags) func(io.Writer, int64) {
	return func(w io.Writer, lost int64) {
		level.Warn(newLogger(f, w)).Log("msg", "log lines were lost: standard error was not read", "lines", lost)
	}
}
