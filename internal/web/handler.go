// Package web serves the exporter's HTTP endpoints.
package web

import (
	"net/http"
	"time"

	"dcs_session_exporter/collector"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Options say what is served.
type Options struct {
	Collector     *collector.Collector
	Own           prometheus.Gatherer // the exporter's own metrics
	TelemetryPath string              // where metrics are, such as "/metrics"
	Timeout       time.Duration       // upper bound of a scrape
	TimeoutOffset time.Duration       // what is left of Prometheus' own timeout for the way back
	Version       string              // for the landing page
	Demo          bool                // the landing page says so
	Logger        log.Logger
}

// NewHandler returns the handler of all endpoints.
func NewHandler(o Options) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET "+o.TelemetryPath, metrics(o))
	mux.HandleFunc("GET /-/healthy", say("The exporter is healthy.\n"))
	// The handler exists only with a configuration loaded.
	mux.HandleFunc("GET /-/ready", say("The exporter is ready.\n"))
	description := "Prometheus exporter for the client sessions of Huawei Cloud DCS instances."
	if o.Demo {
		description += " It runs in demo mode: all sessions are invented."
	}
	landing, err := toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        "dcs_session_exporter",
		Description: description,
		Version:     o.Version,
		Profiling:   "false",
		Links: []toolkit.LandingLinks{
			{Address: o.TelemetryPath, Text: "Metrics", Description: "client sessions of all instances, read anew, and the exporter's own metrics"},
			{Address: "/-/healthy", Text: "Health", Description: "answers as long as the process works"},
			{Address: "/-/ready", Text: "Readiness", Description: "answers once the configuration is loaded"},
		},
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /{$}", landing)
	return mux, nil
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(text))
	}
}
