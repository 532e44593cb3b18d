package exposition

import (
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/prometheus/client_golang/prometheus"
)

// SelfMetrics are the exporter's metrics about its own work, which outlive
// scrapes and configurations. It is a prometheus.Collector, is made by
// NewSelfMetrics and is safe for concurrent use.
type SelfMetrics struct {
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	errors     *prometheus.CounterVec
	tornLists  *prometheus.CounterVec
	waited     *prometheus.CounterVec
	rejected   prometheus.Counter
	linesLost  prometheus.Counter
	reloadGood prometheus.Gauge
	reloadTime prometheus.Gauge

	states atomic.Pointer[func() []ProjectState] // nil before the first configuration

	mu       sync.Mutex
	projects map[string]bool // those that have their series
}

// NewSelfMetrics returns the metrics, without series of any project.
func NewSelfMetrics() *SelfMetrics {
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
	return &SelfMetrics{
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

func (m *SelfMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.durations, m.errors, m.tornLists, m.waited, m.rejected, m.linesLost, m.reloadGood, m.reloadTime}
}

// Describe implements prometheus.Collector.
func (m *SelfMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
	for _, s := range stateMetrics {
		ch <- s.desc
	}
}

// Collect implements prometheus.Collector.
func (m *SelfMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
	if states := m.states.Load(); states != nil {
		collectStates((*states)(), ch)
	}
}

// ObserveRequest counts a request that was sent to the API: code is the HTTP
// status, or "error".
func (m *SelfMetrics) ObserveRequest(projectID, operation, code string, took time.Duration) {
	m.requests.WithLabelValues(projectID, operation, code).Inc()
	m.durations.WithLabelValues(operation).Observe(took.Seconds())
}

// ObserveWait adds to the time that requests have waited for the rate limit.
func (m *SelfMetrics) ObserveWait(projectID string, waited time.Duration) {
	m.waited.WithLabelValues(projectID).Add(waited.Seconds())
}

// ScrapeRejected counts a scrape that was answered with 503.
func (m *SelfMetrics) ScrapeRejected() { m.rejected.Inc() }

// LogLineLost counts a log line that could not be written.
func (m *SelfMetrics) LogLineLost() { m.linesLost.Inc() }

// ConfigRefused notes that the configuration was not loaded, and the one before
// is still in force.
func (m *SelfMetrics) ConfigRefused() { m.reloadGood.Set(0) }

// ConfigLoaded notes that the configuration was loaded.
func (m *SelfMetrics) ConfigLoaded(at time.Time) {
	m.reloadGood.Set(1)
	m.reloadTime.Set(float64(at.UnixMilli()) / 1000)
}

// AddProject creates the series of a project, so that its counters start at 0.
// The empty id stands for a project whose id is not known yet.
func (m *SelfMetrics) AddProject(id string) {
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

// ScrapeFailed counts a node, or an instance whose nodes are not known, that
// could not be read in a scrape.
func (m *SelfMetrics) ScrapeFailed(projectID string, r dcsapi.Reason) {
	m.errors.WithLabelValues(projectID, string(r)).Inc()
}

// ListTorn counts a list that changed while it was read.
func (m *SelfMetrics) ListTorn(projectID string) { m.tornLists.WithLabelValues(projectID).Inc() }

// ProjectState is how a project stands at the moment.
type ProjectState struct {
	ID           string        // "" while it is not known
	HoldOff      time.Duration // how long requests are still held off
	InFlight     int           // requests
	DiscoveredAt time.Time     // when instances were last listed, zero if never
}

// SetStates sets the source of the projects' states: a function that is safe for
// concurrent use.
func (m *SelfMetrics) SetStates(states func() []ProjectState) { m.states.Store(&states) }

// stateMetric is a metric of a project's state.
type stateMetric struct {
	desc  *prometheus.Desc
	value func(*ProjectState) (float64, bool)
	merge func(a, b float64) float64 // of projects with the same id
}

var stateMetrics = func() []stateMetric {
	desc := func(name string) *prometheus.Desc {
		m := find(name)
		return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
	larger := func(a, b float64) float64 { return max(a, b) }
	sum := func(a, b float64) float64 { return a + b }
	return []stateMetric{
		{desc("dcs_session_exporter_holdoff_seconds"), func(p *ProjectState) (float64, bool) { return p.HoldOff.Seconds(), true }, larger},
		{desc("dcs_session_exporter_requests_in_flight"), func(p *ProjectState) (float64, bool) { return float64(p.InFlight), true }, sum},
		{desc("dcs_session_exporter_discovery_last_success_timestamp_seconds"), func(p *ProjectState) (float64, bool) {
			return float64(p.DiscoveredAt.UnixMilli()) / 1000, !p.DiscoveredAt.IsZero()
		}, larger},
	}
}()

// collectStates collects the projects' states. Several projects may have the
// same id, or none yet.
func collectStates(projects []ProjectState, ch chan<- prometheus.Metric) {
	for _, m := range stateMetrics {
		byID := make(map[string]float64)
		for i := range projects {
			p := &projects[i]
			value, ok := m.value(p)
			if !ok {
				continue
			}
			if before, there := byID[p.ID]; there {
				value = m.merge(before, value)
			}
			byID[p.ID] = value
		}
		for id, value := range byID {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, value, id)
		}
	}
}
