package main

import (
	"dcs_session_exporter/internal/config"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// logWarnings wraps load. The returned function also logs each secret that
// every user of the machine can read, once.
func logWarnings(load func() (*config.Config, error), logger log.Logger) func() (*config.Config, error) {
	logged := make(map[string]bool) // by key and message, because line numbers change
	return func() (*config.Config, error) {
		cfg, err := load()
		if err != nil {
			return nil, err
		}
		for _, w := range cfg.Warnings {
			if id := w.Key + " " + w.Message; w.Exposed && !logged[id] {
				logged[id] = true
				level.Warn(logger).Log("msg", "secret not protected", "file", w.File, "line", w.Line, "key", w.Key, "err", w.Message)
			}
		}
		return cfg, nil
	}
}
