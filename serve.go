package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
)

// serve runs the daemon until ctx ends.
func serve(ctx context.Context, f flags, logger log.Logger) error {
	access, err := sessionsAccess(f)
	if err != nil {
		return invalidError{err}
	}
	listeners, err := bind(ctx, f.web)
	if err != nil {
		return invalidError{err}
	}
	defer closeAll(listeners)
	d := &daemon{
		load:   func() (*config.Config, error) { return config.Load(f.configFile) },
		logger: logger, own: collector.NewOwnMetrics(), clients: clients{logger: logger},
	}
	if f.demo {
		cfg, stop, err := startDemo(ctx)
		if err != nil {
			return fmt.Errorf("cannot start the demo: %w", err)
		}
		defer stop()
		d.load = func() (*config.Config, error) { return cfg, nil }
		level.Info(logger).Log("msg", "demo mode: all sessions are invented")
	}
	if err := d.reload(); err != nil {
		return err
	}
	defer d.close()
	defer d.reloadOnHangup(ctx)()

	registry := prometheus.NewRegistry()
	registry.MustRegister(d.own, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), versioncollector.NewCollector(name))
	handler, err := web.NewHandler(web.Options{
		Settings: d.settings, Reload: d.reload,
		Own: registry, TelemetryPath: f.telemetryPath, Sessions: access,
		Version: version.Version, Demo: f.demo, Logger: logger,
	})
	if err != nil {
		return err
	}
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "go", version.GoVersion)
	return listen(ctx, listeners, &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute, // scrapes have their own
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}, f.web, logger)
}

// sessionsAccess returns who may see the live table of sessions, nil if it is
// not enabled, or why it cannot be.
func sessionsAccess(f flags) (*web.Access, error) {
	if !f.enableSessions {
		return nil, nil
	}
	access := &web.Access{ListenAddresses: *f.web.WebListenAddresses, SystemdSocket: *f.web.WebSystemdSocket, ConfigFile: *f.web.WebConfigFile}
	if err := access.Restricted(); err != nil {
		return nil, fmt.Errorf("--web.enable-sessions cannot be used: %w", err)
	}
	return access, nil
}
