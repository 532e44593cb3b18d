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

// longestValue is how many bytes a value of a log line has at most.
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

// tidy is a logger whose lines are printable and not too long, whatever the
// values are that others have sent.
type tidy struct{ log.Logger }

// Log implements log.Logger.
func (l tidy) Log(keyvals ...any) error {
	out := make([]any, len(keyvals))
	for i, v := range keyvals {
		out[i] = tidied(v)
	}
	return l.Logger.Log(out...)
}

// tidied returns a value as it is logged.
func tidied(v any) any {
	switch v := v.(type) {
	case json.Marshaler, encoding.TextMarshaler: // times
		return v
	case string:
		return printable.Cut(printable.Lines(printable.Cut(v, longestValue)), longestValue) // escapes are longer
	case error, fmt.Stringer:
		return tidied(fmt.Sprint(v)) // which survives a nil pointer
	default:
		return v
	}
}

const (
	// keptLines is how many log lines are kept while they cannot be written.
	keptLines = 1000
	// linePatience is how long a line is waited for, so that usually it is
	// written when it is logged. While that takes longer, none is waited for.
	linePatience = 100 * time.Millisecond
	// flushPatience is how long the program's end waits for its last lines.
	flushPatience = 2 * time.Second
)

// lines writes to a writer that may block, without blocking those who log: what
// cannot be kept is lost, and counted. It is safe for concurrent use, and made
// by newLines.
type lines struct {
	w      io.Writer
	report func(w io.Writer, lost int64) // writes that lines were lost

	queue  chan line
	slow   atomic.Bool  // a line has taken too long, and none was written since
	lost   atomic.Int64 // since the last report
	onLost func()
	ended  chan struct{} // closed when all is written

	mu     sync.RWMutex
	closed bool
}

// line is a line on its way.
type line struct {
	text    []byte
	written chan struct{}
}

// newLines returns a writer. onLost is called for each line that is lost.
func newLines(w io.Writer, report func(w io.Writer, lost int64), onLost func()) *lines {
	l := &lines{w: w, report: report, onLost: onLost, queue: make(chan line, keptLines), ended: make(chan struct{})}
	go l.run()
	return l
}

// Write implements io.Writer. p is one line.
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

// add reports whether there is a place for a line.
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

// run writes the lines.
func (l *lines) run() {
	defer close(l.ended)
	for next := range l.queue {
		if _, err := l.w.Write(next.text); err != nil { // there is nobody to tell
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

// close takes no more lines, and waits a little for those that are kept.
func (l *lines) close() {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if already {
		return
	}
	close(l.queue)
	select {
	case <-l.ended:
	case <-time.After(flushPatience):
	}
}

// reportLost returns what reports lost lines in the format of the log.
func reportLost(f flags) func(io.Writer, int64) {
	return func(w io.Writer, lost int64) {
		level.Warn(newLogger(f, w)).Log("msg", "log lines were lost: standard error was not read", "lines", lost)
	}
}
