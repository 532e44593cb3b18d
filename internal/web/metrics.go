package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"

	"github.com/prometheus/client_golang/prometheus"
)

// timeoutHeader is how Prometheus says when it gives a scrape up.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// metrics serves the sessions of all instances and the exporter's own metrics,
// or only the latter. It reads everything anew, but for scrapes that overlap,
// and answers in time with what it has: what could not be read is told by
// metrics, not by the HTTP status.
func metrics(t *scrapes) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, done := t.Settings()
		t.serve(w, r, s, done, subject{s.Collector, ""}, func(ctx context.Context) (collector.Gatherer, prometheus.Gatherer) {
			sessions := s.Collector.Scrape
			if s.ExporterOnly {
				sessions = s.Collector.ScrapeProjects
			}
			return sessions(ctx), t.Own
		})
	})
}

// probe serves the sessions of the instance that the parameter target names.
func probe(t *scrapes) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, done := t.Settings()
		target, status, text := probed(r, s)
		if target == nil {
			done()
			say(w, status, text)
			return
		}
		t.serve(w, r, s, done, subject{s.Collector, target.ID}, func(ctx context.Context) (collector.Gatherer, prometheus.Gatherer) {
			return s.Collector.Probe(ctx, target), nil
		})
	})
}

// minTimeout is the shortest timeout that a header can ask for: in less than
// that nothing can be read, and it would be tried again and again.
const minTimeout = time.Second

// probed returns the target that a request names, or how to answer one that
// names none.
func probed(r *http.Request, s Settings) (target *fleet.Target, status int, text string) {
	targets := r.URL.Query()["target"]
	if len(targets) != 1 || targets[0] == "" {
		return nil, http.StatusBadRequest, "Name one instance: /probe?target=<instance id>. /sd lists them."
	}
	target, err := s.Collector.Fleet().Target(targets[0])
	switch {
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, http.StatusServiceUnavailable, err.Error()
	case err != nil:
		return nil, http.StatusNotFound, err.Error() + ". /sd lists those that are."
	default:
		return target, http.StatusOK, ""
	}
}

// scrapeTimeout returns how long a scrape may take: what Prometheus' header
// says less offset, at most longest. A header that makes no sense is ignored,
// a timeout below minTimeout is raised to it, and one that the offset would use
// up is halved instead.
func scrapeTimeout(header string, longest, offset time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds >= longest.Seconds()+offset.Seconds() {
		return longest
	}
	asked := max(time.Duration(seconds*float64(time.Second)), minTimeout)
	return min(max(asked-offset, asked/2), longest)
}
