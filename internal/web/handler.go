// Package web serves the exporter's HTTP endpoints: /metrics and /probe
// (metrics.go, rendering.go, answer.go), /sd (discovery.go), /sessions (sessions.go) for those who may
// see it (access.go), /-/healthy, /-/ready and /-/reload (lifecycle.go), and the
// landing page.
package web

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"dcs_session_exporter/collector"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Options configure the handler.
type Options struct {
	Settings      func() (Settings, func()) // returns the current ones, and a function to call when they are no longer needed
	Reload        func() error              // reloads the configuration as a whole or not at all
	Own           prometheus.Gatherer       // the exporter's own metrics
	Rejected      func()                    // called for each rejected scrape; may be nil
	Sessions      *Access                   // who may see the live table of sessions, nil for nobody
	TelemetryPath string                    // path of the metrics, such as "/metrics"
	Version       string                    // for the landing page
	Demo          bool                      // mentioned on the landing page
	Logger        log.Logger
}

// Settings are the part of the configuration that requests use. A request keeps
// the settings that were in force when it arrived.
type Settings struct {
	Collector     *collector.Collector
	Timeout       time.Duration // upper bound of a scrape
	TimeoutOffset time.Duration // subtracted from Prometheus' timeout for the way back
	ExporterOnly  bool          // /metrics reads no instance
}

// plainPath matches paths that need no escaping in a URL and have no special
// meaning to http.ServeMux.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// IsTelemetryPath reports whether metrics can be served at p: it must be a plain
// path in its shortest form, and must not belong to another endpoint.
func IsTelemetryPath(p string) bool {
	return plainPath.MatchString(p) && p == path.Clean(p) &&
		!slices.Contains([]string{"/probe", "/sd", "/sessions"}, p) && !strings.HasPrefix(p, "/-/")
}

// NewHandler returns the handler of all endpoints.
func NewHandler(o Options) (http.Handler, error) {
	mux := http.NewServeMux()
	out := new(outbox)
	scrapes := newScrapes(o, out)
	mux.Handle("GET "+o.TelemetryPath, metrics(scrapes))
	mux.Handle("GET /probe", probe(scrapes))
	mux.Handle("GET /sd", &discovery{Options: o, outbox: out})
	handleSessions(mux, o, out)
	lifecycle(mux, o)
	description := "Prometheus exporter for the client sessions of Huawei Cloud DCS instances (managed Redis)."
	if o.Demo {
		description += " It runs in demo mode: all sessions are invented."
	}
	links := []toolkit.LandingLinks{
		{Address: o.TelemetryPath, Text: "Metrics", Description: "current client sessions of all instances, and the exporter's own metrics"},
		{Address: "/sd", Text: "Targets", Description: "the instances as targets for Prometheus HTTP service discovery"},
		{Address: "/-/healthy", Text: "Health", Description: "answers while the process works"},
		{Address: "/-/ready", Text: "Readiness", Description: "answers once the configuration is loaded"},
	}
	if o.Sessions != nil {
		links = slices.Insert(links, 1, toolkit.LandingLinks{Address: "/sessions", Text: "Sessions", Description: "the live table of a node's sessions, straight from the API"})
	}
	landing, err := toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        "dcs_session_exporter",
		Description: description,
		Version:     o.Version,
		Profiling:   "false",
		Form: toolkit.LandingForm{
			Action: "/probe",
			Inputs: []toolkit.LandingFormInput{{Label: "Sessions of one instance", Type: "text", Name: "target", Placeholder: "its id"}},
		},
		Links: links,
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /{$}", landing)
	// Reject requests from other sites' pages that would change something.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusForbidden, "Refused: the request comes from another site's page.")
	}))
	return protection.Handler(mux), nil
}
