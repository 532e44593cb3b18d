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

// Options say what is served.
type Options struct {
	Settings      func() (Settings, func()) // those in force, until the function is called
	Reload        func() error              // loads the configuration again, whole or not at all
	Own           prometheus.Gatherer       // the exporter's own metrics
	Rejected      func()                    // counts a scrape that there was no place for; nil for nothing
	Sessions      *Access                   // who may see the live table of sessions, nil for nobody
	TelemetryPath string                    // where metrics are, such as "/metrics"
	Version       string                    // for the landing page
	Demo          bool                      // the landing page says so
	Logger        log.Logger
}

// Settings are what the configuration says. A request keeps those that were in
// force when it came, to its end.
type Settings struct {
	Collector     *collector.Collector
	Timeout       time.Duration // upper bound of a scrape
	TimeoutOffset time.Duration // what is left of Prometheus' own timeout for the way back
	ExporterOnly  bool          // /metrics reads no instance
}

// plainPath is a path of characters that need no escape in a URL, nor mean
// anything to http.ServeMux.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// IsTelemetryPath reports whether metrics can be at a path: it is a plain one
// in its shortest form, and no other endpoint is there.
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
	description := "Prometheus exporter for the client sessions of Huawei Cloud DCS instances."
	if o.Demo {
		description += " It runs in demo mode: all sessions are invented."
	}
	links := []toolkit.LandingLinks{
		{Address: o.TelemetryPath, Text: "Metrics", Description: "client sessions of all instances, read anew, and the exporter's own metrics"},
		{Address: "/sd", Text: "Targets", Description: "the instances as Prometheus' HTTP service discovery wants them"},
		{Address: "/-/healthy", Text: "Health", Description: "answers as long as the process works"},
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
	// Whatever changes something is not for other sites' pages.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusForbidden, "Not done: another site's page asks for it.")
	}))
	return protection.Handler(mux), nil
}
