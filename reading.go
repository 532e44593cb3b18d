package main

import (
	"context"
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

// loadOnce loads the configuration, or starts the demo. The function that it
// returns ends the demo.
func loadOnce(ctx context.Context, f flags) (*config.Config, func(), error) {
	if f.demo {
		return startDemo(ctx)
	}
	cfg, err := config.Load(f.configFile)
	if err != nil {
		return nil, nil, invalid(err)
	}
	return cfg, func() {}, nil
}

// openReading loads the configuration, or starts the demo, and connects. The
// reading must be closed.
func openReading(ctx context.Context, f flags, timeout time.Duration) (*reading, error) {
	cfg, stop, err := loadOnce(ctx, f)
	if err != nil {
		return nil, err
	}
	r := &reading{stop: stop}
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
