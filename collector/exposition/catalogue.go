package exposition

import "dcs_session_exporter/collector/aggregate"

// notRate is appended to the help of distributions.
const notRate = " Buckets fall as well as rise: do not use rate()."

// catalogue declares every metric. Whatever lists metrics ranges over it or is
// checked against it.
var catalogue = prepare([]Metric{
	{Name: "dcs_project_up", Kind: Gauge, Scope: OfProject, Help: "1 if the project's instances are known and its key works, else 0.", values: perProject},
	{Name: "dcs_up", Kind: Gauge, Scope: OfInstance, Help: "1 if this scrape read every node of the instance that it should read, else 0.", values: instanceUp},
	{Name: "dcs_node_up", Kind: Gauge, Scope: OfNode, Help: "1 if this scrape read the node, else 0.", values: nodeUp},
	{Name: "dcs_node_error", Kind: Gauge, Scope: OfNode, By: []string{"reason"}, Help: "1 for the reason of a problem in this scrape: with dcs_node_up 0, why the node was not read; with dcs_node_up 1, a warning such as a refused scan; with an empty node_id, why the instance's nodes are not known.", values: nodeErrors},
	{Name: "dcs_node_scrape_duration_seconds", Kind: Gauge, Scope: OfNode, Help: "How long this scrape took to read the node, including waiting.", values: nodeDuration},
	{Name: "dcs_scrape_skipped", Kind: Gauge, Scope: OfInstance, By: []string{"reason"}, Help: "1 for an instance that is skipped on purpose, with the reason: not_running or unsupported.", values: skipped},
	{Name: "dcs_instance_info", Kind: Gauge, Scope: OfInstance, By: []string{"instance_name", "engine", "engine_version", "spec_code", "region", "project_id", "enterprise_project_id"}, Help: "Properties of the instance, empty if unknown.", values: instanceInfo},
	{Name: "dcs_instance_status", Kind: Gauge, Scope: OfInstance, By: []string{"status"}, Help: "1 for the last status of the instance that the API reported.", values: instanceStatus},
	{Name: "dcs_node_info", Kind: Gauge, Scope: OfNode, By: []string{"node_name", "node_role", "node_type", "node_ip", "node_port", "group_name", "az_code"}, Help: "Properties of the node, empty if unknown.", values: nodeInfo},
	{Name: "dcs_node_max_clients", Kind: Gauge, Scope: OfNode, Help: "Maximum number of connections to the node; dcs_max_clients_info says where it is from.", values: maxClients},
	{Name: "dcs_instance_max_clients", Kind: Gauge, Scope: OfInstance, Help: "Maximum number of connections to all nodes of the instance together that its specification supports: an upper bound, read where the nodes' own maximum is not known.", values: specMaxClients},
	{Name: "dcs_max_clients_info", Kind: Gauge, Scope: OfInstance, By: []string{"source"}, Help: "1 for the source of the instance's maximum number of connections: configuration (max_clients), configs (the instance's parameters) or flavors (its specification).", values: maxClientsInfo},
	{Name: "dcs_instance_limits_read_timestamp_seconds", Kind: Gauge, Scope: OfInstance, Help: "When the limits of the instance were last read from its configuration, as a Unix timestamp.", values: limitsRead},
	{Name: "dcs_instance_client_ip_pass_through", Kind: Gauge, Scope: OfInstance, By: []string{"state"}, Help: "1 for the state of client IP pass-through: on, off, supported (whether it is on is not known), excluded_by_ssl or unsupported.", values: clientIP},
	{Name: "dcs_node_max_memory_bytes", Kind: Gauge, Scope: OfNode, Help: "Memory of the server: that of the instance, divided by its shards.", values: maxMemory},
	{Name: "dcs_node_idle_timeout_seconds", Kind: Gauge, Scope: OfNode, Help: "Idle time after which the server closes connections (timeout); 0 if it does not.", values: idleTimeout},
	{Name: "dcs_node_output_buffer_limit_bytes", Kind: Gauge, Scope: OfNode, By: []string{"class", "kind"}, Help: "Output buffer limit of each client of a class, kind hard or soft; 0 for no limit. Only for classes whose limit the API lists.", values: bufferLimits},
	{Name: "dcs_node_output_buffer_soft_limit_seconds", Kind: Gauge, Scope: OfNode, By: []string{"class"}, Help: "How long a client of a class may stay above its soft output buffer limit.", values: softLimitSeconds},
	{Name: "dcs_node_ces_dimension_info", Kind: Gauge, Scope: OfNode, By: []string{"dimension", "value"}, Help: "1 for each dimension and value by which the cloud's own monitoring (CES) knows the node, besides dcs_instance_id.", values: dimensions},

	{Name: "dcs_session_snapshot_timestamp_seconds", Kind: Gauge, Scope: OfNode, Help: "When the session list was taken, as a Unix timestamp by the API's clock.", values: perNode(func(s *aggregate.Snapshot) (float64, bool) {
		return float64(s.Taken.UnixMilli()) / 1000, !s.Taken.IsZero()
	})},
	{Name: "dcs_sessions_reported", Kind: Gauge, Scope: OfNode, Help: "Number of sessions that the API reports, which may include sessions that the list hides.", values: perNode(func(s *aggregate.Snapshot) (float64, bool) {
		return float64(s.Reported), s.Reported >= 0
	})},
	{Name: "dcs_sessions", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "Client sessions, by ACL user.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.Sessions), true })},
	{Name: "dcs_sessions_idle", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "Client sessions idle for longer than idle_threshold, by ACL user, except those that wait by design: pub/sub, blocked, monitor, replica, master.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.IdleLong.Total), u.IdleLong.Known() })},
	{Name: "dcs_sessions_active", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "Client sessions idle for less than active_threshold, by ACL user.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.Active.Total), u.Active.Known() })},
	{Name: "dcs_sessions_replication", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "Sessions among dcs_sessions that Redis itself opened to link a replica and its master (flags M and S, user (superuser)), by ACL user; absent if there are none.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.Replication), u.Replication > 0 })},
	{Name: "dcs_session_age_seconds", Kind: GaugeHistogram, Scope: OfNode, By: []string{"user"}, Help: "How long the current sessions have been connected, by ACL user." + notRate, values: perUserHistogram(func(u *aggregate.UserStats) *aggregate.Histogram { return &u.Age }, func(r *Result) []float64 { return r.AgeBuckets })},
	{Name: "dcs_session_idle_seconds", Kind: GaugeHistogram, Scope: OfNode, By: []string{"user"}, Help: "How long the current sessions have been idle, by ACL user." + notRate, values: perUserHistogram(func(u *aggregate.UserStats) *aggregate.Histogram { return &u.Idle }, func(r *Result) []float64 { return r.IdleBuckets })},
	{Name: "dcs_session_age_max_seconds", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "How long the oldest session has been connected, by ACL user.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.Age.Max), u.Age.Count > 0 })},
	{Name: "dcs_session_idle_max_seconds", Kind: Gauge, Scope: OfNode, By: []string{"user"}, Help: "How long the longest-idle session has been idle, by ACL user.", values: perUser(func(u *aggregate.UserStats) (float64, bool) { return float64(u.Idle.Max), u.Idle.Count > 0 })},

	{Name: "dcs_client_sessions", Kind: Gauge, Scope: OfNode, By: []string{"user", "client_address"}, Help: "Client sessions, by ACL user and client address.", values: perClient(func(c *aggregate.ClientStats) (float64, bool) { return float64(c.Sessions), true })},
	{Name: "dcs_client_sessions_active", Kind: Gauge, Scope: OfNode, By: []string{"user", "client_address"}, Help: "Client sessions idle for less than active_threshold, by ACL user and client address.", values: perClient(func(c *aggregate.ClientStats) (float64, bool) {
		return float64(c.Active.Total), c.Active.Known()
	})},
	{Name: "dcs_client_replication_sessions", Kind: Gauge, Scope: OfNode, By: []string{"user", "client_address"}, Help: "Sessions among dcs_client_sessions that link a replica and its master, by ACL user and client address; absent if there are none.", values: perClient(func(c *aggregate.ClientStats) (float64, bool) { return float64(c.Replication), c.Replication > 0 })},
	{Name: "dcs_client_query_buffer_bytes", Kind: Gauge, Scope: OfNode, By: []string{"user", "client_address"}, Help: "Query buffers in use (qbuf), by ACL user and client address.", values: perClient(func(c *aggregate.ClientStats) (float64, bool) {
		return float64(c.QueryBuffer.Total), c.QueryBuffer.Known()
	})},
	{Name: "dcs_client_output_memory_bytes", Kind: Gauge, Scope: OfNode, By: []string{"user", "client_address"}, Help: "Memory of output buffers (omem), by ACL user and client address.", values: perClient(func(c *aggregate.ClientStats) (float64, bool) {
		return float64(c.OutputMemory.Total), c.OutputMemory.Known()
	})},
	{Name: "dcs_client_addresses", Kind: Gauge, Scope: OfNode, Help: "Distinct client addresses, before any limit applies.", values: perNode(func(s *aggregate.Snapshot) (float64, bool) { return float64(s.Addresses), true })},
	{Name: "dcs_sessions_address_masked", Kind: Gauge, Scope: OfNode, Help: "Client sessions from 198.19.0.0/16, where a VPC endpoint's address hides the client's.", values: perNode(func(s *aggregate.Snapshot) (float64, bool) { return float64(s.Masked), true })},

	{Name: "dcs_sessions_by_flag", Kind: Gauge, Scope: OfNode, By: []string{"flag"}, Help: "Client sessions by flag; a session with several flags counts under each.", values: byFlag},
	{Name: "dcs_sessions_by_command", Kind: Gauge, Scope: OfNode, By: []string{"command"}, Help: "Client sessions, by last command.", values: perValue(func(s *aggregate.Snapshot) []aggregate.ValueCount { return s.Commands })},
	{Name: "dcs_sessions_by_database", Kind: Gauge, Scope: OfNode, By: []string{"database"}, Help: "Client sessions, by database.", values: perValue(func(s *aggregate.Snapshot) []aggregate.ValueCount { return s.Databases })},
	{Name: "dcs_sessions_by_name", Kind: Gauge, Scope: OfNode, By: []string{"name"}, Help: "Client sessions, by client name (CLIENT SETNAME).", values: perValue(func(s *aggregate.Snapshot) []aggregate.ValueCount { return s.Names })},
	{Name: "dcs_sessions_by_network", Kind: Gauge, Scope: OfNode, By: []string{"network"}, Help: "Client sessions, by kind of network.", values: perValue(func(s *aggregate.Snapshot) []aggregate.ValueCount { return s.Networks })},
	{Name: "dcs_group_sessions", Kind: Gauge, Scope: OfNode, By: []string{"group"}, Help: "Client sessions by the group that client_groups puts them in; ungrouped are those that no rule matches.", values: perGroup(func(g *aggregate.GroupStats) (float64, bool) { return float64(g.Sessions), true })},
	{Name: "dcs_group_sessions_idle", Kind: Gauge, Scope: OfNode, By: []string{"group"}, Help: "Client sessions among dcs_group_sessions that dcs_sessions_idle counts.", values: perGroup(func(g *aggregate.GroupStats) (float64, bool) {
		return float64(g.IdleLong.Total), g.IdleLong.Known()
	})},
	{Name: "dcs_group_query_buffer_bytes", Kind: Gauge, Scope: OfNode, By: []string{"group"}, Help: "Query buffers in use (qbuf), by group.", values: perGroup(func(g *aggregate.GroupStats) (float64, bool) {
		return float64(g.QueryBuffer.Total), g.QueryBuffer.Known()
	})},
	{Name: "dcs_group_output_memory_bytes", Kind: Gauge, Scope: OfNode, By: []string{"group"}, Help: "Memory of output buffers (omem), by group.", values: perGroup(func(g *aggregate.GroupStats) (float64, bool) {
		return float64(g.OutputMemory.Total), g.OutputMemory.Known()
	})},
	{Name: "dcs_class_sessions", Kind: Gauge, Scope: OfNode, By: []string{"class"}, Help: "Client sessions by the class that output buffer limits go by: normal (MONITOR included), pubsub, replica or master.", values: perClass(func(c *aggregate.ClassStats) (float64, bool) { return float64(c.Sessions), true })},
	{Name: "dcs_class_output_memory_bytes", Kind: Gauge, Scope: OfNode, By: []string{"class"}, Help: "Memory of the output buffers (omem) of all sessions of a class.", values: perClass(outputMemory(func(s aggregate.Sum) int64 { return s.Total }))},
	{Name: "dcs_class_output_memory_max_bytes", Kind: Gauge, Scope: OfNode, By: []string{"class"}, Help: "Largest output buffers (omem) of a single session of a class.", values: perClass(outputMemory(func(s aggregate.Sum) int64 { return s.Max }))},
	{Name: "dcs_sessions_beyond_idle_timeout", Kind: Gauge, Scope: OfNode, Help: "Client sessions idle for longer than the server's own timeout, except those that wait by design; absent where there is no timeout, or it is not known.", values: beyondTimeout},
	{Name: "dcs_sessions_write_pending", Kind: Gauge, Scope: OfNode, Help: "Client sessions with output waiting to be written (events contain w).", values: perNode(func(s *aggregate.Snapshot) (float64, bool) { return float64(s.WritePending), true })},
	{Name: "dcs_sessions_channel_subscriptions", Kind: Gauge, Scope: OfNode, Help: "Channel subscriptions of all sessions (sub).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.Channels })},
	{Name: "dcs_sessions_pattern_subscriptions", Kind: Gauge, Scope: OfNode, Help: "Pattern subscriptions of all sessions (psub).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.Patterns })},
	{Name: "dcs_sessions_transaction_commands", Kind: Gauge, Scope: OfNode, Help: "Commands queued in MULTI by all sessions (multi).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.Transaction })},
	{Name: "dcs_sessions_query_buffer_bytes", Kind: Gauge, Scope: OfNode, Help: "Query buffers in use by all sessions (qbuf).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.QueryBuffer })},
	{Name: "dcs_sessions_query_buffer_free_bytes", Kind: Gauge, Scope: OfNode, Help: "Free space in the query buffers of all sessions (qbuf_free).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.QueryFree })},
	{Name: "dcs_sessions_output_buffer_bytes", Kind: Gauge, Scope: OfNode, Help: "Fixed output buffers in use by all sessions (obl).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.OutputBuffer })},
	{Name: "dcs_sessions_output_list_objects", Kind: Gauge, Scope: OfNode, Help: "Objects in the output lists of all sessions (oll).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.OutputObjects })},
	{Name: "dcs_sessions_output_memory_bytes", Kind: Gauge, Scope: OfNode, Help: "Memory of the output buffers of all sessions (omem).", values: total(func(s *aggregate.Snapshot) aggregate.Sum { return s.OutputMemory })},
	{Name: "dcs_session_query_buffer_max_bytes", Kind: Gauge, Scope: OfNode, Help: "Largest query buffer of a single session (qbuf).", values: largest(func(s *aggregate.Snapshot) aggregate.Sum { return s.QueryBuffer })},
	{Name: "dcs_session_output_memory_max_bytes", Kind: Gauge, Scope: OfNode, Help: "Largest output buffers of a single session (omem).", values: largest(func(s *aggregate.Snapshot) aggregate.Sum { return s.OutputMemory })},

	{Name: "dcs_sessions_opened_total", Kind: Counter, Scope: OfNode, Help: "Client sessions that appeared on a list but not on the previous one, since the node was first seen; a lower bound, because sessions that open and close between two lists are missed.", values: perChurn(func(c aggregate.Churn) int64 { return c.Opened })},
	{Name: "dcs_sessions_closed_total", Kind: Counter, Scope: OfNode, Help: "Client sessions that disappeared from the list, since the node was first seen; a lower bound, because sessions that open and close between two lists are missed.", values: perChurn(func(c aggregate.Churn) int64 { return c.Closed })},
	{Name: "dcs_connections_accepted_total", Kind: Counter, Scope: OfNode, Help: "Connections accepted by the node since it was first seen, derived from the rise of the highest session id, so that those between two lists count.", values: perChurn(func(c aggregate.Churn) int64 { return c.Accepted })},

	{Name: "dcs_session_exporter_api_requests_total", Kind: Counter, Scope: OfExporter, By: []string{"project_id", "operation", "code"}, Help: "Requests sent to the API; code is the HTTP status, or error if no complete answer came."},
	{Name: "dcs_session_exporter_api_request_duration_seconds", Kind: Histogram, Scope: OfExporter, By: []string{"operation"}, Help: "How long requests to the API took, from sending to the end of the answer."},
	{Name: "dcs_session_exporter_scrape_errors_total", Kind: Counter, Scope: OfExporter, By: []string{"project_id", "reason"}, Help: "Failed node reads by reason, one per node and scrape."},
	{Name: "dcs_session_exporter_torn_lists_total", Kind: Counter, Scope: OfExporter, By: []string{"project_id"}, Help: "Session lists that changed while they were being read."},
	{Name: "dcs_session_exporter_values_folded", Kind: Gauge, Scope: OfNode, By: []string{"dimension"}, Help: "Distinct label values beyond the limit, which are combined under the value other.", values: folded},
	{Name: "dcs_session_exporter_limiter_wait_seconds_total", Kind: Counter, Scope: OfExporter, By: []string{"project_id"}, Help: "Total time that requests have waited for the rate limit (requests_per_second)."},
	{Name: "dcs_session_exporter_holdoff_seconds", Kind: Gauge, Scope: OfExporter, By: []string{"project_id"}, Help: "How long requests are still held off because the API throttled the project or refused the key; 0 if they are not."},
	{Name: "dcs_session_exporter_requests_in_flight", Kind: Gauge, Scope: OfExporter, By: []string{"project_id"}, Help: "Requests to the API in progress."},
	{Name: "dcs_session_exporter_discovery_last_success_timestamp_seconds", Kind: Gauge, Scope: OfExporter, By: []string{"project_id"}, Help: "When the project's instances were last listed successfully, as a Unix timestamp."},
	{Name: "dcs_session_exporter_scrapes_rejected_total", Kind: Counter, Scope: OfExporter, Help: "Scrapes answered with 503 because too many others were in progress."},
	{Name: "dcs_session_exporter_log_lines_lost_total", Kind: Counter, Scope: OfExporter, Help: "Log lines that could not be written to standard error."},
	{Name: "dcs_session_exporter_config_last_reload_successful", Kind: Gauge, Scope: OfExporter, Help: "1 if the last load of the configuration succeeded, else 0."},
	{Name: "dcs_session_exporter_config_last_reload_success_timestamp_seconds", Kind: Gauge, Scope: OfExporter, Help: "When the configuration was last loaded successfully, as a Unix timestamp."},
})
