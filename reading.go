package main

import (
	"context"
	"fmt"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/internal/config"

	"github.com/go-kit/log"
)

// reading is what a command needs to ask the API as the exporter would.
type reading struct {
	collector   *collector.Collector
	minInterval time.Duration // between scans of a node
	clients     clients
	stop        func() // ends the demo
}

// openReading loads the configuration, or starts the demo, and connects. The
// reading must be closed.
func openReading(ctx context.Context, f flags, timeout time.Duration) (*reading, error) {
	r := &reading{stop: func() {}}
	var cfg *config.Config
	var err error
	if f.demo {
		if cfg, r.stop, err = startDemo(ctx); err != nil {
			return nil, fmt.Errorf("cannot start the demo: %w", err)
		}
	} else if cfg, err = config.Load(f.configFile); err != nil {
		return nil, invalid(err)
	}
	own := exposition.NewSelfMetrics()
	projects, _, err := r.clients.connect(cfg, own)
	if err != nil {
		r.stop()
		return nil, invalid(err)
	}
	options := collectorOptions(cfg, projects, log.NewNopLogger())
	options.Timeout = timeout
	r.collector, r.minInterval = collector.New(options, own, nil), cfg.Scan.MinInterval
	return r, nil
}

// close ends what runs in the background.
func (r *reading) close() {
	r.collector.Close()
	r.clients.close()
	r.stop()
}
