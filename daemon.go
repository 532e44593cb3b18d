package main

import (
	"context"
	"os"
	"sync"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// daemon is what serves under one configuration after the other.
type daemon struct {
	load   func() (*config.Config, error)
	logger log.Logger
	own    *exposition.SelfMetrics

	reloads sync.Mutex // one at a time
	clients clients

	mu    sync.Mutex
	force *inForce // nil before the first load
}

// inForce is a configuration as requests use it.
type inForce struct {
	web.Settings
	requests sync.WaitGroup
	before   *inForce      // nil for none
	retired  chan struct{} // closed when it is not needed any more
}

// retire ends what next has not taken over, when there are no requests any
// more: also none of the configurations before, which may use the same.
func (f *inForce) retire(next *collector.Collector) {
	if f.before != nil {
		<-f.before.retired
		f.before = nil
	}
	f.requests.Wait()
	f.Collector.Retire(next)
	close(f.retired)
}

// settings returns those in force, and what to call when they are not needed
// any more.
func (d *daemon) settings() (web.Settings, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.force.requests.Add(1)
	return d.force.Settings, d.force.requests.Done
}

// replace puts settings in force, and returns those before, which no further
// request gets.
func (d *daemon) replace(s web.Settings) *inForce {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.force
	d.force = &inForce{Settings: s, before: before, retired: make(chan struct{})}
	return before
}

// reload puts the configuration in force as it is now, or says why it cannot
// be; the one before stays in force then. Requests under way end on the one
// before, and projects whose connection is the same go on as they are.
func (d *daemon) reload() error {
	d.reloads.Lock()
	defer d.reloads.Unlock()
	cfg, err := d.load()
	if err != nil {
		return d.refuse(invalid(err))
	}
	return d.apply(cfg)
}

// apply puts a configuration in force, or says why it cannot be; d.reloads must
// be held, unless requests are not served yet.
func (d *daemon) apply(cfg *config.Config) error {
	projects, kept, err := d.clients.connect(cfg, d.own)
	if err != nil {
		return d.refuse(err)
	}
	var previous *collector.Collector
	if d.force != nil {
		previous = d.force.Collector
	}
	next := collector.New(collectorOptions(cfg, projects, d.logger), d.own, previous)
	before := d.replace(web.Settings{
		Collector: next, Timeout: cfg.ScrapeTimeout, TimeoutOffset: cfg.ScrapeTimeoutOffset,
		ExporterOnly: cfg.MetricsEndpoint == config.MetricsExporter,
	})
	d.own.ConfigLoaded(time.Now())
	if before != nil {
		level.Info(d.logger).Log("msg", "the configuration was loaded again", "projects", len(projects), "kept", kept)
		go before.retire(next)
	}
	return nil
}

// refuse notes that the configuration cannot be put in force.
func (d *daemon) refuse(err error) error {
	d.own.ConfigRefused()
	if d.force != nil {
		level.Error(d.logger).Log("msg", "the configuration was not loaded, the one before stays in force", "err", err)
	}
	return err
}

// reloadOn reloads on each signal, until the function that it returns is
// called.
func (d *daemon) reloadOn(ctx context.Context, hangups <-chan os.Signal) func() {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-hangups:
				_ = d.reload() // the log and a metric tell
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

// close ends what runs in the background.
func (d *daemon) close() {
	d.reloads.Lock()
	defer d.reloads.Unlock()
	d.force.Collector.Close()
	d.clients.close()
}

// collectorOptions are what a configuration means to the collector.
func collectorOptions(cfg *config.Config, projects []collector.Project, logger log.Logger) collector.Options {
	return collector.Options{
		Projects: projects,
		Scan: reader.ScanOptions{
			Off: cfg.Scan.Mode == config.ScanOff, MinInterval: cfg.Scan.MinInterval, Wait: cfg.Scan.Wait,
		},
		Aggregate: &aggregate.Options{
			AgeBuckets: cfg.Histograms.AgeBuckets, IdleBuckets: cfg.Histograms.IdleBuckets,
			IdleThreshold: cfg.IdleThreshold,
			Address: aggregate.AddressOptions{
				Source: aggregate.AddressSource(cfg.ClientAddress.Source), IncludePort: cfg.ClientAddress.IncludePort,
			},
			Limits: aggregate.Limits(cfg.Limits),
		},
		MaxSnapshotAge: cfg.MaxSnapshotAge, DiscoveryInterval: cfg.DiscoveryInterval, Timeout: cfg.ScrapeTimeout,
		Logger: logger,
	}
}
