package web

import (
	"bufio"
	"context"
	"errors"
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

// metrics serves the sessions of all instances and the exporter's own metrics,
// or only the latter. It reads everything anew for each request, and answers in
// time with what it has: what could not be read is told by metrics, not by the
// HTTP status.
func metrics(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, done := o.Settings()
		defer done()
		o.scrape(w, r, s, func(ctx context.Context) prometheus.Gatherer {
			if s.ExporterOnly {
				return s.Collector.ScrapeProjects(ctx)
			}
			return s.Collector.Scrape(ctx)
		}, o.Own) // the exporter's own metrics come second: they count this scrape
	})
}

// probe serves the sessions of the instance that the parameter target names.
func probe(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, done := o.Settings()
		defer done()
		targets := r.URL.Query()["target"]
		if len(targets) != 1 || targets[0] == "" {
			say(w, http.StatusBadRequest, "Name one instance: /probe?target=<instance id>. /sd lists them.")
			return
		}
		target, err := s.Collector.Target(targets[0])
		switch {
		case errors.Is(err, collector.ErrNotDiscovered):
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		case err != nil:
			say(w, http.StatusNotFound, err.Error()+". /sd lists those that are.")
			return
		}
		o.scrape(w, r, s, func(ctx context.Context) prometheus.Gatherer { return s.Collector.Probe(ctx, target) })
	})
}

// minTimeout is the shortest timeout that a header can ask for: in less than
// that nothing can be read, and it would be tried again and again.
const minTimeout = time.Second

// slack is how long writing an answer may take after its scrape.
const slack = 30 * time.Second

// scrape serves what a gatherer of this request gathers, and more.
func (o Options) scrape(w http.ResponseWriter, r *http.Request, s Settings, sessions func(context.Context) prometheus.Gatherer, more ...prometheus.Gatherer) {
	timeout := scrapeTimeout(r.Header.Get(timeoutHeader), s.Timeout, s.TimeoutOffset)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout + slack)) // tests may not have it
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	all := append(collector.Gatherers{sessions(ctx)}, more...)
	out := buffered{w, bufio.NewWriterSize(w, 64<<10)}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog:          errorLog{o.Logger},
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	}).ServeHTTP(out, r)
	_ = out.Flush() // the client may have gone
}

// buffered is a response that is sent in large pieces: net/http's own are of
// two kilobytes.
type buffered struct {
	http.ResponseWriter
	*bufio.Writer
}

// Write implements io.Writer.
func (b buffered) Write(p []byte) (int, error) { return b.Writer.Write(p) }

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

// errorLog logs what goes wrong while metrics are gathered.
type errorLog struct{ log.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) {
	_ = level.Error(l.Logger).Log(append([]any{"msg", "cannot serve metrics", "err"}, v[len(v)-1])...)
}
