package collector

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// Kind is the type of a metric.
type Kind string

// The kinds.
const (
	Gauge          Kind = "gauge"
	GaugeHistogram Kind = "gauge histogram"
	Counter        Kind = "counter"
	Histogram      Kind = "histogram"
)

// dtoTypes are the types of the kinds. client_golang has no metric that is a
// gauge histogram: it types every histogram as one of counters.
var dtoTypes = map[Kind]dto.MetricType{
	Gauge: dto.MetricType_GAUGE, GaugeHistogram: dto.MetricType_GAUGE_HISTOGRAM,
	Counter: dto.MetricType_COUNTER, Histogram: dto.MetricType_HISTOGRAM,
}

// Metric is a row of the catalogue.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string

	// collect gives the values that a scrape has; nil for the metrics that
	// outlive scrapes (own.go).
	collect func(*result, emitter)
	dtoType *dto.MetricType
	sorted  []int // positions of the labels, in the order of their names
}

// Catalogue returns every metric of the exporter but the standard ones of its
// process, build and runtime.
func Catalogue() []Metric { return slices.Clone(catalogue) }

var (
	projectLabels  = []string{"region", "project_id"}
	instanceLabels = []string{"instance_id"}
	nodeLabels     = []string{"instance_id", "node_id"}
	userLabels     = nodeAnd("user")
	clientLabels   = nodeAnd("user", "client_address")
)

func nodeAnd(names ...string) []string { return append(slices.Clone(nodeLabels), names...) }

// notRate is what the help of a distribution says besides.
const notRate = " Current distribution: buckets fall as well as rise, do not use rate() on it."

// catalogue is the one place where metrics are declared.
var catalogue = prepare([]Metric{
	{"dcs_project_up", Gauge, projectLabels, "Whether the project's instances are known and its key works.", perProject, nil, nil},
	{"dcs_up", Gauge, instanceLabels, "Whether every node of the instance that was to be read was read in this scrape.", instanceUp, nil, nil},
	{"dcs_node_up", Gauge, nodeLabels, "Whether the node was read in this scrape.", nodeUp, nil, nil},
	{"dcs_node_error", Gauge, nodeAnd("reason"), "What went wrong in this scrape: with dcs_node_up 0 why the node was not read, with dcs_node_up 1 what was survived, such as a refused scan; with an empty node_id why the instance's nodes are not known.", nodeErrors, nil, nil},
	{"dcs_node_scrape_duration_seconds", Gauge, nodeLabels, "How long reading the node took in this scrape, waiting included.", nodeDuration, nil, nil},
	{"dcs_scrape_skipped", Gauge, []string{"instance_id", "reason"}, "Instances that are not read on purpose: not_running or unsupported.", skipped, nil, nil},
	{"dcs_instance_info", Gauge, []string{"instance_id", "instance_name", "engine", "engine_version", "spec_code", "region", "project_id", "enterprise_project_id"}, "Properties of the instance, empty where they are not known.", instanceInfo, nil, nil},
	{"dcs_instance_status", Gauge, []string{"instance_id", "status"}, "Status of the instance, as the API gave it last.", instanceStatus, nil, nil},
	{"dcs_node_info", Gauge, []string{"instance_id", "node_id", "node_name", "node_role", "node_type", "node_ip", "node_port", "group_name", "az_code"}, "Properties of the node, empty where they are not known.", nodeInfo, nil, nil},
	{"dcs_node_max_clients", Gauge, nodeLabels, "Connections that the node accepts, as configured (max_clients).", maxClients, nil, nil},

	{"dcs_session_snapshot_timestamp_seconds", Gauge, nodeLabels, "When the session list was taken, by the API's clock.", perNode(func(s *Snapshot) (float64, bool) {
		return float64(s.Taken.UnixMilli()) / 1000, !s.Taken.IsZero()
	}), nil, nil},
	{"dcs_sessions_reported", Gauge, nodeLabels, "Length of the session list as the API gave it; it may count sessions that the list hides.", perNode(func(s *Snapshot) (float64, bool) {
		return float64(s.Reported), s.Reported >= 0
	}), nil, nil},
	{"dcs_sessions", Gauge, userLabels, "Client sessions, by ACL user.", perUser(func(u *UserStats) (float64, bool) { return float64(u.Sessions), true }), nil, nil},
	{"dcs_sessions_idle", Gauge, userLabels, "Client sessions idle longer than idle_threshold, without those that wait by design: pub/sub, blocked, monitor, replica, master.", perUser(func(u *UserStats) (float64, bool) { return float64(u.IdleLong.Total), u.IdleLong.Known() }), nil, nil},
	{"dcs_sessions_replication", Gauge, userLabels, "Of dcs_sessions, links between a replica and its master, which Redis opens itself (flags M and S, user (superuser)), by ACL user; absent where there are none.", perUser(func(u *UserStats) (float64, bool) { return float64(u.Replication), u.Replication > 0 }), nil, nil},
	{"dcs_session_age_seconds", GaugeHistogram, userLabels, "How long the sessions have been connected." + notRate, perUserDistribution(func(u *UserStats) *Distribution { return &u.Age }, func(o *Options) []float64 { return o.Aggregate.AgeBuckets }), nil, nil},
	{"dcs_session_idle_seconds", GaugeHistogram, userLabels, "How long the sessions have been idle." + notRate, perUserDistribution(func(u *UserStats) *Distribution { return &u.Idle }, func(o *Options) []float64 { return o.Aggregate.IdleBuckets }), nil, nil},
	{"dcs_session_age_max_seconds", Gauge, userLabels, "How long the oldest session has been connected.", perUser(func(u *UserStats) (float64, bool) { return float64(u.Age.Max), u.Age.Count > 0 }), nil, nil},
	{"dcs_session_idle_max_seconds", Gauge, userLabels, "How long the session idle longest has been so.", perUser(func(u *UserStats) (float64, bool) { return float64(u.Idle.Max), u.Idle.Count > 0 }), nil, nil},

	{"dcs_client_sessions", Gauge, clientLabels, "Client sessions, by ACL user and client address.", perClient(func(c *ClientStats) (float64, bool) { return float64(c.Sessions), true }), nil, nil},
	{"dcs_client_replication_sessions", Gauge, clientLabels, "Of dcs_client_sessions, links between a replica and its master, by ACL user and client address; absent where there are none.", perClient(func(c *ClientStats) (float64, bool) { return float64(c.Replication), c.Replication > 0 }), nil, nil},
	{"dcs_client_query_buffer_bytes", Gauge, clientLabels, "Query buffers in use (qbuf), by ACL user and client address.", perClient(func(c *ClientStats) (float64, bool) { return float64(c.QueryBuffer.Total), c.QueryBuffer.Known() }), nil, nil},
	{"dcs_client_output_memory_bytes", Gauge, clientLabels, "Memory of output buffers (omem), by ACL user and client address.", perClient(func(c *ClientStats) (float64, bool) { return float64(c.OutputMemory.Total), c.OutputMemory.Known() }), nil, nil},
	{"dcs_client_addresses", Gauge, nodeLabels, "Distinct client addresses, before any limit.", perNode(func(s *Snapshot) (float64, bool) { return float64(s.Addresses), true }), nil, nil},
	{"dcs_sessions_address_masked", Gauge, nodeLabels, "Client sessions from 198.19.0.0/16: a VPC endpoint's address that hides the client's.", perNode(func(s *Snapshot) (float64, bool) { return float64(s.Masked), true }), nil, nil},

	{"dcs_sessions_by_flag", Gauge, nodeAnd("flag"), "Client sessions that have the flag; a session may have several.", byFlag, nil, nil},
	{"dcs_sessions_by_command", Gauge, nodeAnd("command"), "Client sessions, by last command.", perValue(func(s *Snapshot) []ValueCount { return s.Commands }), nil, nil},
	{"dcs_sessions_by_database", Gauge, nodeAnd("database"), "Client sessions, by database.", perValue(func(s *Snapshot) []ValueCount { return s.Databases }), nil, nil},
	{"dcs_sessions_by_name", Gauge, nodeAnd("name"), "Client sessions, by client name (CLIENT SETNAME).", perValue(func(s *Snapshot) []ValueCount { return s.Names }), nil, nil},
	{"dcs_sessions_by_network", Gauge, nodeAnd("network"), "Client sessions, by kind of network.", perValue(func(s *Snapshot) []ValueCount { return s.Networks }), nil, nil},
	{"dcs_sessions_write_pending", Gauge, nodeLabels, "Client sessions with output to be written (events contain w).", perNode(func(s *Snapshot) (float64, bool) { return float64(s.WritePending), true }), nil, nil},
	{"dcs_sessions_channel_subscriptions", Gauge, nodeLabels, "Channel subscriptions of all sessions (sub).", total(func(s *Snapshot) Sum { return s.Channels }), nil, nil},
	{"dcs_sessions_pattern_subscriptions", Gauge, nodeLabels, "Pattern subscriptions of all sessions (psub).", total(func(s *Snapshot) Sum { return s.Patterns }), nil, nil},
	{"dcs_sessions_transaction_commands", Gauge, nodeLabels, "Commands queued in MULTI by all sessions (multi).", total(func(s *Snapshot) Sum { return s.Transaction }), nil, nil},
	{"dcs_sessions_query_buffer_bytes", Gauge, nodeLabels, "Query buffers in use by all sessions (qbuf).", total(func(s *Snapshot) Sum { return s.QueryBuffer }), nil, nil},
	{"dcs_sessions_query_buffer_free_bytes", Gauge, nodeLabels, "Free space in the query buffers of all sessions (qbuf_free).", total(func(s *Snapshot) Sum { return s.QueryFree }), nil, nil},
	{"dcs_sessions_output_buffer_bytes", Gauge, nodeLabels, "Fixed output buffers in use by all sessions (obl).", total(func(s *Snapshot) Sum { return s.OutputBuffer }), nil, nil},
	{"dcs_sessions_output_list_objects", Gauge, nodeLabels, "Objects in the output lists of all sessions (oll).", total(func(s *Snapshot) Sum { return s.OutputObjects }), nil, nil},
	{"dcs_sessions_output_memory_bytes", Gauge, nodeLabels, "Memory of the output buffers of all sessions (omem).", total(func(s *Snapshot) Sum { return s.OutputMemory }), nil, nil},
	{"dcs_session_query_buffer_max_bytes", Gauge, nodeLabels, "Largest query buffer of a single session (qbuf).", largest(func(s *Snapshot) Sum { return s.QueryBuffer }), nil, nil},
	{"dcs_session_output_memory_max_bytes", Gauge, nodeLabels, "Largest output buffers of a single session (omem).", largest(func(s *Snapshot) Sum { return s.OutputMemory }), nil, nil},

	{"dcs_sessions_opened_total", Counter, nodeLabels, "Client sessions that were on a list and not on the one before, since the node was first seen; a lower bound, as sessions between two lists are not seen.", perChurn(func(c Churn) int64 { return c.Opened }), nil, nil},
	{"dcs_sessions_closed_total", Counter, nodeLabels, "Client sessions that were on a list no longer, since the node was first seen; a lower bound, as sessions between two lists are not seen.", perChurn(func(c Churn) int64 { return c.Closed }), nil, nil},
	{"dcs_connections_accepted_total", Counter, nodeLabels, "Connections that the node has accepted since it was first seen, by how far the highest session id has risen: those between two lists count.", perChurn(func(c Churn) int64 { return c.Accepted }), nil, nil},

	{"dcs_session_exporter_api_requests_total", Counter, []string{"project_id", "operation", "code"}, "Requests sent to the API, by HTTP status, or error where no complete answer came.", nil, nil, nil},
	{"dcs_session_exporter_api_request_duration_seconds", Histogram, []string{"operation"}, "How long requests to the API took, to the end of the answer.", nil, nil, nil},
	{"dcs_session_exporter_scrape_errors_total", Counter, []string{"project_id", "reason"}, "Nodes that could not be read, one per node and scrape.", nil, nil, nil},
	{"dcs_session_exporter_torn_lists_total", Counter, []string{"project_id"}, "Session lists that changed while they were read.", nil, nil, nil},
	{"dcs_session_exporter_values_folded", Gauge, nodeAnd("dimension"), "Distinct values that the limit has folded into the value other.", folded, nil, nil},
	{"dcs_session_exporter_limiter_wait_seconds_total", Counter, []string{"project_id"}, "Time that requests have waited for the rate limit (requests_per_second), added up.", nil, nil, nil},
	{"dcs_session_exporter_holdoff_seconds", Gauge, []string{"project_id"}, "How long requests are still held off, because the API has throttled them or refused the key; 0 if they are not.", nil, nil, nil},
	{"dcs_session_exporter_requests_in_flight", Gauge, []string{"project_id"}, "Requests to the API that are being sent or answered.", nil, nil, nil},
	{"dcs_session_exporter_discovery_last_success_timestamp_seconds", Gauge, []string{"project_id"}, "When the project's instances were last listed successfully.", nil, nil, nil},
	{"dcs_session_exporter_scrapes_rejected_total", Counter, nil, "Scrapes that were answered with 503, because too many others were under way.", nil, nil, nil},
	{"dcs_session_exporter_log_lines_lost_total", Counter, nil, "Log lines that were not written, because nobody read them from standard error.", nil, nil, nil},
	{"dcs_session_exporter_config_last_reload_successful", Gauge, nil, "Whether the configuration was last loaded successfully.", nil, nil, nil},
	{"dcs_session_exporter_config_last_reload_success_timestamp_seconds", Gauge, nil, "When the configuration was last loaded successfully.", nil, nil, nil},
})

// prepare makes what the rows need to be collected.
func prepare(rows []Metric) []Metric {
	for i := range rows {
		m := &rows[i]
		m.dtoType = dtoTypes[m.Kind].Enum()
		m.sorted = make([]int, len(m.Labels))
		for k := range m.sorted {
			m.sorted[k] = k
		}
		slices.SortFunc(m.sorted, func(a, b int) int {
			if m.Labels[a] < m.Labels[b] {
				return -1
			}
			return 1
		})
	}
	return rows
}

// aboutProject tells whether the metric is about a project as a whole.
func (m *Metric) aboutProject() bool { return slices.Equal(m.Labels, projectLabels) }

// find returns the row of a metric that is known to be there.
func find(name string) Metric {
	return catalogue[slices.IndexFunc(catalogue, func(m Metric) bool { return m.Name == name })]
}
