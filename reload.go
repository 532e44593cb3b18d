package main

import (
	"context"
	"os"
	"sync"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log/level"
)

// reload loads the configuration and puts it in force. If that fails, it
// returns the reason and the previous configuration stays in force. Requests in
// progress finish with the previous one; projects with an unchanged connection
// keep their clients.
func (d *daemon) reload() error {
	d.reloads.Lock()
	defer d.reloads.Unlock()
	cfg, err := d.load()
	if err != nil {
		return d.refuse(invalid(err))
	}
	return d.apply(cfg)
}

// apply puts a configuration in force, or returns why it cannot. d.reloads must
// be held once requests are being served.
func (d *daemon) apply(cfg *config.Config) error {
	projects, kept, err := d.clients.connect(cfg, d.own)
	if err != nil {
		return d.refuse(err)
	}
	var previous *collector.Collector
	if d.current != nil {
		previous = d.current.Collector
	}
	next := collector.New(collectorOptions(cfg, projects, d.logger), d.own, previous)
	before := d.replace(web.Settings{
		Collector: next, Timeout: cfg.ScrapeTimeout, TimeoutOffset: cfg.ScrapeTimeoutOffset,
		ExporterOnly: cfg.MetricsEndpoint == config.MetricsExporter,
		Since:        time.Now(), InForce: cfg.InForce(), KeysInUse: d.clients.keysOf(cfg),
	})
	d.own.ConfigLoaded(time.Now())
	if before != nil {
		level.Info(d.logger).Log("msg", "configuration reloaded", "projects", len(projects), "kept", kept)
		go before.retire(next)
	}
	return nil
}

// refuse records and logs that a configuration was rejected, and returns err.
func (d *daemon) refuse(err error) error {
	d.own.ConfigRefused()
	if d.current != nil {
		level.Error(d.logger).Log("msg", "configuration not loaded: the previous one stays in force", "err", err)
	}
	return err
}

// replace puts settings in force and returns the previous ones, which new
// requests no longer get.
func (d *daemon) replace(s web.Settings) *inForce {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.current
	d.current = &inForce{Settings: s, before: before, retired: make(chan struct{})}
	return before
}

// reloadOn reloads on each signal until the function that it returns is called.
func (d *daemon) reloadOn(ctx context.Context, hangups <-chan os.Signal) func() {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-hangups:
				_ = d.reload() // the log and a metric have the error
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
