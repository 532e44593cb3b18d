package collector

import (
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/prometheus/client_golang/prometheus"
)

// OwnMetrics are the exporter's metrics about its own work. They outlive
// scrapes. It is a prometheus.Collector, made by NewOwnMetrics.
type OwnMetrics struct {
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	errors     *prometheus.CounterVec
	tornLists  *prometheus.CounterVec
	waited     *prometheus.CounterVec
	rejected   prometheus.Counter
	linesLost  prometheus.Counter
	reloadGood prometheus.Gauge
	reloadTime prometheus.Gauge

	current atomic.Pointer[Collector] // the one in force, nil before the first

	mu       sync.Mutex
	projects map[string]bool // those that have their series
}

// NewOwnMetrics returns the metrics, without any project.
func NewOwnMetrics() *OwnMetrics {
	counter := func(name string) *prometheus.CounterVec {
		m := find(name)
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
	}
	gauge := func(name string) prometheus.Gauge {
		m := find(name)
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: m.Name, Help: m.Help})
	}
	single := func(name string) prometheus.Counter {
		m := find(name)
		return prometheus.NewCounter(prometheus.CounterOpts{Name: m.Name, Help: m.Help})
	}
	duration := find("dcs_session_exporter_api_request_duration_seconds")
	return &OwnMetrics{
		requests: counter("dcs_session_exporter_api_requests_total"),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: duration.Name, Help: duration.Help,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, duration.Labels),
		errors:     counter("dcs_session_exporter_scrape_errors_total"),
		tornLists:  counter("dcs_session_exporter_torn_lists_total"),
		waited:     counter("dcs_session_exporter_limiter_wait_seconds_total"),
		rejected:   single("dcs_session_exporter_scrapes_rejected_total"),
		linesLost:  single("dcs_session_exporter_log_lines_lost_total"),
		reloadGood: gauge("dcs_session_exporter_config_last_reload_successful"),
		reloadTime: gauge("dcs_session_exporter_config_last_reload_success_timestamp_seconds"),
		projects:   make(map[string]bool),
	}
}

func (m *OwnMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.durations, m.errors, m.tornLists, m.waited, m.rejected, m.linesLost, m.reloadGood, m.reloadTime}
}

// Describe implements prometheus.Collector.
func (m *OwnMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
	for _, s := range states {
		ch <- s.desc
	}
}

// Collect implements prometheus.Collector.
func (m *OwnMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
	if c := m.current.Load(); c != nil {
		c.collectStates(ch)
	}
}

// ObserveRequest counts a request that was sent to the API: code is the HTTP
// status, or "error".
func (m *OwnMetrics) ObserveRequest(projectID, operation, code string, took time.Duration) {
	m.requests.WithLabelValues(projectID, operation, code).Inc()
	m.durations.WithLabelValues(operation).Observe(took.Seconds())
}

// ObserveWait adds to the time that requests have waited for the rate limit.
func (m *OwnMetrics) ObserveWait(projectID string, waited time.Duration) {
	m.waited.WithLabelValues(projectID).Add(waited.Seconds())
}

// ScrapeRejected counts a scrape that was answered with 503.
func (m *OwnMetrics) ScrapeRejected() { m.rejected.Inc() }

// LogLineLost counts a log line that could not be written.
func (m *OwnMetrics) LogLineLost() { m.linesLost.Inc() }

// ConfigRefused notes that the configuration was not loaded, and the one before
// is still in force.
func (m *OwnMetrics) ConfigRefused() { m.reloadGood.Set(0) }

// ConfigLoaded notes that the configuration was loaded.
func (m *OwnMetrics) ConfigLoaded(at time.Time) {
	m.reloadGood.Set(1)
	m.reloadTime.Set(float64(at.UnixMilli()) / 1000)
}

// addProject makes the series of a project, so that its errors start at 0. The
// empty id stands for a project whose id is not known yet.
func (m *OwnMetrics) addProject(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.projects[id] {
		return
	}
	m.projects[id] = true
	for _, r := range dcsapi.Reasons() {
		m.errors.WithLabelValues(id, string(r))
	}
	m.tornLists.WithLabelValues(id)
	m.waited.WithLabelValues(id)
}

func (m *OwnMetrics) failed(projectID string, r dcsapi.Reason) {
	m.errors.WithLabelValues(projectID, string(r)).Inc()
}

func (m *OwnMetrics) torn(projectID string) { m.tornLists.WithLabelValues(projectID).Inc() }

// state is a metric that tells how a project stands at the moment.
type state struct {
	desc *prometheus.Desc
	of   func(*project) (float64, bool)
	join func(a, b float64) float64 // of projects with the same id
}

// states are all of them.
var states = func() []state {
	desc := func(name string) *prometheus.Desc {
		m := find(name)
		return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
	longest := func(a, b float64) float64 { return max(a, b) }
	return []state{
		{desc("dcs_session_exporter_holdoff_seconds"), func(p *project) (float64, bool) { return p.API.HoldOff().Seconds(), true }, longest},
		{desc("dcs_session_exporter_requests_in_flight"), func(p *project) (float64, bool) { return float64(p.API.InFlight()), true }, func(a, b float64) float64 { return a + b }},
		{desc("dcs_session_exporter_discovery_last_success_timestamp_seconds"), func(p *project) (float64, bool) {
			_, at, have := p.inventory.peek()
			return float64(at.UnixMilli()) / 1000, have
		}, longest},
	}
}()

// collectStates collects how the projects stand. Several may have the same id,
// or none yet.
func (c *Collector) collectStates(ch chan<- prometheus.Metric) {
	for _, s := range states {
		byID := make(map[string]float64)
		for _, p := range c.projects {
			value, ok := s.of(p)
			if !ok {
				continue
			}
			id := p.API.KnownProjectID()
			if before, there := byID[id]; there {
				value = s.join(before, value)
			}
			byID[id] = value
		}
		for id, value := range byID {
			ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, value, id)
		}
	}
}
