package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	sloggokit "github.com/tjhop/slog-gokit"
)

// drain is how long requests under way may take after the signal to end.
const drain = 10 * time.Second

// serve runs the daemon until ctx ends.
func serve(ctx context.Context, f flags, logger log.Logger) error {
	var cfg *config.Config
	var err error
	if f.demo {
		var stop func()
		if cfg, stop, err = startDemo(ctx); err != nil {
			return fmt.Errorf("cannot start the demo: %w", err)
		}
		defer stop()
		level.Info(logger).Log("msg", "demo mode: all sessions are invented")
	} else if cfg, err = config.Load(f.configFile); err != nil {
		return invalid(err)
	}

	own := collector.NewOwnMetrics()
	projects, closeClients, err := connect(cfg, own)
	if err != nil {
		return err
	}
	defer closeClients()
	coll := collector.New(collector.Options{
		Projects: projects,
		Scan: collector.ScanOptions{
			Off: cfg.Scan.Mode == config.ScanOff, MinInterval: cfg.Scan.MinInterval, Wait: cfg.Scan.Wait,
		},
		Aggregate: collector.AggregateOptions{
			AgeBuckets: cfg.Histograms.AgeBuckets, IdleBuckets: cfg.Histograms.IdleBuckets,
			IdleThreshold: cfg.IdleThreshold,
			Address: collector.AddressOptions{
				Source: collector.AddressSource(cfg.ClientAddress.Source), IncludePort: cfg.ClientAddress.IncludePort,
			},
			Limits: collector.Limits(cfg.Limits),
		},
		MaxSnapshotAge: cfg.MaxSnapshotAge, DiscoveryInterval: cfg.DiscoveryInterval, Timeout: cfg.ScrapeTimeout,
		Logger: logger,
	}, own)
	defer coll.Close()
	own.ConfigLoaded(time.Now())

	registry := prometheus.NewRegistry()
	registry.MustRegister(own, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), versioncollector.NewCollector(name))
	handler, err := web.NewHandler(web.Options{
		Collector: coll, Own: registry, TelemetryPath: f.telemetryPath,
		Timeout: cfg.ScrapeTimeout, TimeoutOffset: cfg.ScrapeTimeoutOffset,
		Version: version.Version, Demo: f.demo, Logger: logger,
	})
	if err != nil {
		return err
	}
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "go", version.GoVersion)
	return listen(ctx, &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      cfg.ScrapeTimeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}, f.web, logger)
}

// listen serves until ctx ends, then lets the requests under way end.
func listen(ctx context.Context, server *http.Server, flags *toolkit.FlagConfig, logger log.Logger) error {
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		level.Info(logger).Log("msg", "ending: requests under way are finished", "at most", drain)
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		drained <- server.Shutdown(ctx)
	})
	// The logger filters by level itself.
	handler := sloggokit.NewGoKitHandler(logger, slog.LevelDebug)
	err := toolkit.ListenAndServe(server, flags, slog.New(handler))
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("cannot serve: %w", err)
	}
	if err := <-drained; err != nil {
		_ = server.Close()
		level.Warn(logger).Log("msg", "requests under way were cut off", "err", err)
	}
	level.Info(logger).Log("msg", "ended")
	return nil
}

// connect makes a client for each project.
func connect(cfg *config.Config, own *collector.OwnMetrics) ([]collector.Project, func(), error) {
	var projects []collector.Project
	var clients []*dcsapi.Client
	closeAll := func() {
		for _, c := range clients {
			c.Close()
		}
	}
	keyring := new(dcsapi.Keyring)
	for _, p := range cfg.Projects {
		client, err := newClient(p, keyring, own)
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("project in region %s: %w", p.Region, err)
		}
		clients = append(clients, client)
		project := collector.Project{API: client, ReadReplicas: p.ReadReplicas, PagesAtOnce: p.MaxConcurrentRequests}
		for _, i := range p.Instances {
			project.Instances = append(project.Instances, collector.Instance(i))
		}
		projects = append(projects, project)
	}
	return projects, closeAll, nil
}

// newClient makes the client of a project.
func newClient(p config.Project, keyring *dcsapi.Keyring, own *collector.OwnMetrics) (*dcsapi.Client, error) {
	o := dcsapi.Options{
		Region: p.Region, Endpoint: p.Endpoint, IAMEndpoint: p.IAMEndpoint, ProjectID: p.ProjectID,
		Keyring: keyring, Proxy: p.Proxy,
		MaxConcurrentRequests: p.MaxConcurrentRequests, RequestsPerSecond: p.RequestsPerSecond,
		UserAgent: name + "/" + version.Version,
	}
	if p.TLS != nil {
		tlsConfig, err := promconfig.NewTLSConfig(p.TLS)
		if err != nil {
			return nil, fmt.Errorf("tls_config: %w", err)
		}
		o.TLS = tlsConfig
	}
	if c := p.Credentials; c != nil {
		o.Keys = dcsapi.NewConfiguredKey(c.AccessKey, c.SecretKey, c.SecurityToken)
	} else {
		o.Keys = dcsapi.NewDefaultChain(p.IAMEndpoint, dcsapi.NewTransport(p.Proxy, o.TLS, 2))
	}
	var client *dcsapi.Client
	o.Observe = func(operation, code string, took time.Duration) {
		own.ObserveRequest(client.KnownProjectID(), operation, code, took)
	}
	client = dcsapi.New(o)
	return client, nil
}
