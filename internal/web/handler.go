// Package web serves the exporter's HTTP endpoints.
//
// Source files: metrics.go has /metrics and /probe, with timeout.go (the time that a
// scrape may take), rendering.go (scrapes that share a rendering), encode.go and
// answer.go; sd.go has /sd. sessions.go has /sessions, with sessionspage.go (the
// page), sessionstable.go (its table) and sessionsscan.go (the scan button).
// status.go has /status, debug.go /probe?debug=true, access.go who may see them.
// lifecycle.go has /-/healthy, /-/ready and /-/reload, landing.go the landing page.
package web

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/config"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
)

// Options configure the handler. Its functions must be safe for concurrent use.
type Options struct {
	Settings      func() (Settings, func()) // returns the current ones, and a function to call when they are no longer needed
	Reload        func() error              // reloads the configuration as a whole or not at all
	Own           prometheus.Gatherer       // the exporter's own metrics
	Rejected      func()                    // called for each scrape that is refused with 503 because too many are in progress
	Sessions      *Access                   // who may see the live table of sessions, nil for nobody
	TelemetryPath string                    // path of the metrics, such as "/metrics"; see IsTelemetryPath
	Version       string                    // for the landing page
	Demo          bool                      // mentioned on the landing page
	Logger        log.Logger
}

// Settings are the part of the configuration that requests use. A request keeps
// the settings that were in force when it arrived.
type Settings struct {
	Collector     *collector.Collector
	Timeout       time.Duration // upper bound of a scrape, and its time without a timeout from Prometheus
	TimeoutOffset time.Duration // subtracted from Prometheus' timeout for the way back, at most half of that
	ExporterOnly  bool          // /metrics reads no instance: it has the metrics of the exporter and the projects

	// For /status: since when the settings are in force, what the configuration
	// says, without secrets, and the keys of the collector's projects.
	Since     time.Time
	InForce   []config.Setting
	KeysInUse func() []KeyState
}

// plainPath matches paths that need no escaping in a URL and have no special
// meaning to http.ServeMux.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// IsTelemetryPath reports whether metrics can be served at p: it must be a plain
// path in its shortest form, and must not belong to another endpoint.
func IsTelemetryPath(p string) bool {
	return plainPath.MatchString(p) && p == path.Clean(p) &&
		!slices.Contains([]string{"/probe", "/sd", "/sessions", "/status"}, p) && !strings.HasPrefix(p, "/-/")
}

// NewHandler returns the handler of all endpoints. It may panic if IsTelemetryPath
// does not report o.TelemetryPath.
func NewHandler(o Options) http.Handler {
	mux := http.NewServeMux()
	out := new(outbox)
	scrapes := newScrapes(o, out)
	mux.Handle("GET "+o.TelemetryPath, metrics(scrapes))
	restricted := &sessions{o, out, make(chan struct{}, sessionsAtOnce)}
	mux.Handle("GET /probe", probe(scrapes, restricted.onlyIfEnabled("What a reading did", restricted.debug)))
	mux.Handle("GET /status", restricted.onlyIfEnabled("The status", restricted.status))
	mux.Handle("GET /sd", &discovery{Options: o, outbox: out})
	handleSessions(mux, restricted)
	lifecycle(mux, o)
	mux.Handle("GET /{$}", landing(o))
	// Reject requests from other sites' pages that would change something.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusForbidden, "Refused: the request comes from another site's page.")
	}))
	return protection.Handler(mux)
}
