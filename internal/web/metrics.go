package web

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"dcs_session_exporter/collector"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// timeoutHeader is how Prometheus says when it gives a scrape up.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// metrics serves the sessions of all instances and the exporter's own metrics.
// It reads everything anew for each request, and answers in time with what it
// has: what could not be read is told by metrics, not by the HTTP status.
func metrics(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout(r.Header.Get(timeoutHeader), o.Timeout, o.TimeoutOffset))
		defer cancel()
		sessions := prometheus.NewRegistry()
		if err := sessions.Register(o.Collector.Scrape(ctx)); err != nil {
			http.Error(w, "cannot register the collector: "+err.Error(), http.StatusInternalServerError)
			return
		}
		// The exporter's own metrics come second: they count this scrape.
		both := prometheus.Gatherers{collector.TypedGatherer(sessions), o.Own}
		promhttp.HandlerFor(both, promhttp.HandlerOpts{
			ErrorLog:          errorLog{o.Logger},
			ErrorHandling:     promhttp.ContinueOnError,
			EnableOpenMetrics: true,
		}).ServeHTTP(w, r)
	})
}

// scrapeTimeout returns how long a scrape may take: what Prometheus' header
// says less offset, at most longest. A header that makes no sense is ignored,
// and a timeout that the offset would use up is halved instead.
func scrapeTimeout(header string, longest, offset time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds >= longest.Seconds()+offset.Seconds() {
		return longest
	}
	asked := time.Duration(seconds * float64(time.Second))
	return max(asked-offset, asked/2)
}

// errorLog logs what goes wrong while metrics are gathered.
type errorLog struct{ log.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) {
	_ = level.Error(l.Logger).Log(append([]any{"msg", "cannot serve metrics", "err"}, v[len(v)-1])...)
}
