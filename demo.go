package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/web"
)

// demoAddress is where the demo listens if no address is given.
const demoAddress = "127.0.0.1:9947"

// startDemo serves an invented fleet on loopback. It returns a configuration
// that reads this fleet, and a function that stops the server.
func startDemo(ctx context.Context) (*config.Config, func(), error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot start the demo: %w", err)
	}
	api := emulator.New(emulator.Options{ScanDuration: 50 * time.Millisecond})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)
	api.Add(fleet...)
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // returns when server is closed
	cfg, err := config.Parse("demo", []byte(emulator.DemoConfig("http://"+listener.Addr().String(), fleet)), ".")
	if err != nil {
		_ = server.Close()
		return nil, nil, fmt.Errorf("cannot start the demo: %w", err)
	}
	return cfg, func() { _ = server.Close() }, nil
}

// takeFirstLists scrapes once, so that the first page that somebody opens has
// sessions to show.
func takeFirstLists(ctx context.Context, c *collector.Collector) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	c.Scrape(ctx).Read()
}

// pointTo returns a function that writes, the first time that it is called,
// where to look at the demo, with the address that it listens on. The function is
// safe for concurrent use: each listener has a goroutine of its own.
func pointTo(f flags, w io.Writer) func(net.Addr) {
	var once sync.Once
	return func(address net.Addr) {
		once.Do(func() {
			scheme := "http"
			if web.UsesTLS(*f.web.WebConfigFile) {
				scheme = "https"
			}
			_, _ = io.WriteString(w, pointers(f, scheme, reachable(address))) // nobody may be reading
		})
	}
}

// reachable returns a host:port under which this machine reaches an address that
// the demo listens on.
func reachable(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return address.String()
	}
	if tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
	}
	return tcp.String()
}

// pointers returns where to look at the demo.
func pointers(f flags, scheme, host string) string {
	base := scheme + "://" + host
	sessions := base + "/sessions"
	if !f.enableSessions {
		sessions = "off: set --web.enable-sessions"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe demo is ready. All its sessions are invented.\n\n")
	fmt.Fprintf(&b, "  Overview  %s/\n  Sessions  %s\n  Metrics   %s%s\n\n", base, sessions, base, f.telemetryPath)
	fmt.Fprintf(&b, "For a Prometheus on this machine, put this into prometheus.yml:\n\n")
	fmt.Fprintf(&b, "  scrape_configs:\n    - job_name: dcs_sessions\n      scrape_interval: 30s\n      scrape_timeout: 25s\n")
	if f.telemetryPath != "/metrics" {
		fmt.Fprintf(&b, "      metrics_path: %s\n", f.telemetryPath)
	}
	if scheme != "http" {
		fmt.Fprintf(&b, "      scheme: %s\n", scheme)
	}
	fmt.Fprintf(&b, "      static_configs:\n        - targets: ['%s']\n\nPress Ctrl+C to stop.\n\n", host)
	return b.String()
}
