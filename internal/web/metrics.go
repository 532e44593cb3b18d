package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics serves the sessions of all instances and the exporter's own metrics,
// or only the latter. Each scrape reads all sessions, but overlapping scrapes
// share one reading. It answers on time with what it has: metrics, not the HTTP
// status, show what could not be read.
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

// probe serves the sessions of the instance in the parameter target. With the
// parameter debug it serves what debug does instead.
func probe(t *scrapes, debug http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if value := r.URL.Query().Get("debug"); value != "" {
			on, err := strconv.ParseBool(value)
			if err != nil {
				say(w, http.StatusBadRequest, "debug must be true or false.")
				return
			}
			if on {
				debug.ServeHTTP(w, r)
				return
			}
		}
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

// probed returns the target of a request. If there is none, target is nil, and
// status and text are the answer.
func probed(r *http.Request, s Settings) (target *fleet.Target, status int, text string) {
	targets := r.URL.Query()["target"]
	if len(targets) != 1 || targets[0] == "" {
		return nil, http.StatusBadRequest, "Set one target: /probe?target=<instance id>. /sd lists the instances."
	}
	target, err := s.Collector.Fleet().Target(targets[0])
	switch {
	case errors.Is(err, fleet.ErrNotDiscovered):
		return nil, http.StatusServiceUnavailable, err.Error()
	case err != nil:
		return nil, http.StatusNotFound, err.Error() + ". /sd lists the known instances."
	default:
		return target, http.StatusOK, ""
	}
}
