package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/web"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
)

// serve runs the daemon until ctx ends. It logs to stderr. The demo tells on
// stdout where to look.
func serve(ctx context.Context, f flags, stdout, stderr io.Writer) error {
	signal.Ignore(syscall.SIGPIPE) // who has read the log may have gone: that is no reason to end
	defer signal.Reset(syscall.SIGPIPE)
	own := exposition.NewSelfMetrics()
	out := newLines(stderr, reportLost(f), own.LogLineLost)
	defer out.close()
	logger := newLogger(f, out)
	access, err := sessionsAccess(f)
	if err != nil {
		return invalidError{err}
	}
	// Catch SIGHUP from here on: one that arrives during the first load triggers
	// a reload.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	file := configFile{path: f.configFile}
	d := &daemon{
		load:   logWarnings(func() (*config.Config, error) { return file.load(ctx) }, logger),
		logger: logger, own: own, clients: clients{logger: logger},
	}
	if f.demo {
		cfg, stop, err := startDemo(ctx)
		if err != nil {
			return err
		}
		defer stop()
		d.load = func() (*config.Config, error) { return cfg, nil }
	}
	cfg, err := d.load()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // stopped while waiting for a pipe to get a writer
	case err != nil:
		return invalid(err)
	}
	// Listen before sending anything to the API, whose errors would hide this one.
	listeners, err := bind(ctx, f.web)
	if err != nil {
		return invalidError{err}
	}
	defer closeAll(listeners)
	if f.demo {
		level.Info(logger).Log("msg", "demo mode: all sessions are invented")
	}
	if err := d.apply(cfg); err != nil {
		return err
	}
	defer d.close()
	defer d.reloadOn(ctx, hangups)()

	registry := prometheus.NewRegistry()
	registry.MustRegister(d.own, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), versioncollector.NewCollector(name))
	handler := web.NewHandler(web.Options{
		Settings: d.settings, Reload: d.reload,
		Own: registry, Rejected: d.own.ScrapeRejected, TelemetryPath: f.telemetryPath, Sessions: access,
		Version: version.Version, Demo: f.demo, Logger: logger,
	})
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute, // scrapes have their own deadline
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnState:         newConnections(connectionLimit(), logger).observe,
	}
	if f.demo {
		settings, done := d.settings()
		takeFirstLists(ctx, settings.Collector)
		done()
		tell := pointTo(f, stdout)
		server.BaseContext = func(l net.Listener) context.Context { // called once it serves
			tell(l.Addr())
			return context.Background()
		}
	}
	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "go", version.GoVersion)
	return listen(ctx, listeners, server, f.web, logger)
}

// sessionsAccess returns who may see the live table of sessions. It returns nil
// if the table is not enabled, and an error if it must not be.
func sessionsAccess(f flags) (*web.Access, error) {
	if !f.enableSessions {
		return nil, nil
	}
	access := &web.Access{ListenAddresses: *f.web.WebListenAddresses, SystemdSocket: *f.web.WebSystemdSocket, ConfigFile: *f.web.WebConfigFile}
	if err := access.Restricted(); err != nil {
		return nil, fmt.Errorf("cannot enable --web.enable-sessions: %w", err)
	}
	return access, nil
}
