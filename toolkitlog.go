package main

import (
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

// newToolkitLogger returns the logger for exporter-toolkit. Its lines have the
// shape of the exporter's own.
func newToolkitLogger(logger log.Logger) *slog.Logger {
	// logger filters by level itself.
	return slog.New(sloggokit.NewGoKitHandler(sameShape{logger}, slog.LevelDebug))
}

// sameShape gives lines that come from slog the shape of the exporter's own: the
// level first, one timestamp, no position in the source.
type sameShape struct{ log.Logger }

// Log implements log.Logger.
func (l sameShape) Log(keyvals ...any) error {
	out := l.Logger
	var rest []any
	for k := 0; k+1 < len(keyvals); k += 2 {
		key, value := keyvals[k], keyvals[k+1]
		if v, ok := value.(slog.Value); ok {
			value = v.Any()
		}
		switch key {
		case level.Key():
			out = log.WithPrefix(out, key, value)
		case slog.TimeKey, "caller":
		default:
			rest = append(rest, key, value)
		}
	}
	return out.Log(rest...)
}
