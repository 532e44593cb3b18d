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

// daemon holds the current configuration and everything that depends on it, and
// replaces it on a reload.
type daemon struct {
	load   func() (*config.Config, error)
	logger log.Logger
	own    *exposition.SelfMetrics

	reloads sync.Mutex // one at a time
	clients clients

	mu    sync.Mutex
	force *inForce // nil before the first load
}

// inForce is a configuration that requests use.
type inForce struct {
	web.Settings
	requests sync.WaitGroup
	before   *inForce      // the previous one, nil for none
	retired  chan struct{} // closed when no longer needed
}

// retire waits until no request uses f or an earlier configuration, which may
// share resources with it, and then ends everything that next has not taken
// over.
func (f *inForce) retire(next *collector.Collector) {
	if f.before != nil {
		<-f.before.retired
		f.before = nil
	}
	f.requests.Wait()
	f.Collector.Retire(next)
	close(f.retired)
}

// settings returns the current settings, and a function to call when the caller
// no longer needs them.
func (d *daemon) settings() (web.Settings, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.force.requests.Add(1)
	return d.force.Settings, d.force.requests.Done
}

// replace puts settings in force and returns the previous ones, which new
// requests no longer get.
func (d *daemon) replace(s web.Settings) *inForce {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.force
	d.force = &inForce{Settings: s, before: before, retired: make(chan struct{})}
	return before
}

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
	if d.force != nil {
		previous = d.force.Collector
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
	if d.force != nil {
		level.Error(d.logger).Log("msg", "configuration not loaded: the previous one stays in force", "err", err)
	}
	return err
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

// close stops all background work.
func (d *daemon) close() {
	d.reloads.Lock()
	defer d.reloads.Unlock()
	d.force.Collector.Close()
	d.clients.close()
}

// collectorOptions returns the collector options for a configuration.
func collectorOptions(cfg *config.Config, projects []collector.Project, logger log.Logger) collector.Options {
	return collector.Options{
		Projects: projects,
		Scan: reader.ScanOptions{
			Off: cfg.Scan.Mode == config.ScanOff, MinInterval: cfg.Scan.MinInterval, Wait: cfg.Scan.Wait,
		},
		Aggregate: &aggregate.Options{
			AgeBuckets: cfg.Histograms.AgeBuckets, IdleBuckets: cfg.Histograms.IdleBuckets,
			IdleThreshold: cfg.IdleThreshold, ActiveBelow: cfg.ActiveThreshold, Groups: groupsOf(cfg),
			Address: aggregate.AddressOptions{
				Source: aggregate.AddressSource(cfg.ClientAddress.Source), IncludePort: cfg.ClientAddress.IncludePort,
				IPv4Bits: cfg.ClientAddress.Aggregate.IPv4, IPv6Bits: cfg.ClientAddress.Aggregate.IPv6,
			},
			Limits: aggregate.Limits(cfg.Limits),
		},
		MaxSnapshotAge: cfg.MaxSnapshotAge, DiscoveryInterval: cfg.DiscoveryInterval, LimitsInterval: cfg.LimitsInterval, Timeout: cfg.ScrapeTimeout,
		Logger: logger,
	}
}

// groupsOf returns the groups of a configuration, nil for none.
func groupsOf(cfg *config.Config) *aggregate.Groups {
	rules := make([]aggregate.GroupRule, len(cfg.ClientGroups))
	for i, g := range cfg.ClientGroups {
		rules[i] = aggregate.GroupRule(g)
	}
	return aggregate.NewGroups(rules)
}
