package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// readClientList reads the text of CLIENT LIST: a map per line.
func readClientList(t *testing.T, raw string) []map[string]string {
	t.Helper()
	var lines []map[string]string
	for line := range strings.SplitSeq(strings.TrimSpace(raw), "\n") {
		fields := make(map[string]string)
		for _, pair := range strings.Fields(line) {
			name, value, _ := strings.Cut(pair, "=")
			fields[name] = value
		}
		lines = append(lines, fields)
	}
	return lines
}

// asClientList writes invented sessions as readClientList returns real ones.
func asClientList(sessions []emulator.Session) []map[string]string {
	var lines []map[string]string
	for _, s := range sessions {
		lines = append(lines, map[string]string{
			"addr": s.Addr, "name": s.Name, "cmd": s.Cmd, "flags": s.Flags, "db": s.DB, "events": s.Events, "network": s.Network, "user": s.User,
			"age": fmt.Sprint(s.Age), "idle": fmt.Sprint(s.Idle), "sub": fmt.Sprint(s.Sub), "psub": fmt.Sprint(s.PSub), "multi": fmt.Sprint(s.Multi),
			"qbuf": fmt.Sprint(s.QBuf), "qbuf-free": fmt.Sprint(s.QBufFree), "obl": fmt.Sprint(s.OBL), "oll": fmt.Sprint(s.OLL), "omem": fmt.Sprint(s.OMem),
		})
	}
	return lines
}

// expectFrozen works the series of a node out of the list that the API has of
// it.
func expectFrozen(t *testing.T, api *emulator.Server, instanceID, nodeID string) map[string]float64 {
	t.Helper()
	list, ok := api.Frozen(instanceID, nodeID)
	if !ok {
		t.Fatalf("node %s was not scanned", nodeID)
	}
	lines := asClientList(list.Sessions)
	if list.Raw != "" {
		lines = readClientList(t, list.Raw)
	}
	return expect(lines, instanceID, nodeID, list.Time)
}

var flagNames = map[rune]string{
	'N': "normal", 'M': "master", 'S': "replica", 'O': "monitor", 'P': "pubsub", 'x': "transaction", 'b': "blocked", 'd': "watch_dirty",
	'c': "close_after_reply", 'A': "close_asap", 'u': "unblocked", 'U': "unix_socket", 'r': "readonly", 't': "tracking",
	'R': "tracking_broken", 'B': "broadcast", 'e': "no_evict", 'T': "no_touch",
}

// expect works the series of a node out of its CLIENT LIST, plainly: values by
// name{label=value,…}. A label without a value is left out, as Prometheus does.
func expect(lines []map[string]string, instanceID, nodeID string, taken time.Time) map[string]float64 {
	want := make(map[string]float64)
	series := func(name string, labels ...string) string {
		pairs := []string{"instance_id=" + instanceID, "node_id=" + nodeID}
		for i := 0; i < len(labels); i += 2 {
			if labels[i+1] != "" {
				pairs = append(pairs, labels[i]+"="+labels[i+1])
			}
		}
		slices.Sort(pairs)
		return name + "{" + strings.Join(pairs, ",") + "}"
	}
	add := func(v float64, name string, labels ...string) { want[series(name, labels...)] += v }
	most := func(v float64, name string, labels ...string) {
		key := series(name, labels...)
		want[key] = max(want[key], v)
	}
	for _, flag := range []string{"normal", "replica", "monitor", "pubsub", "transaction", "blocked", "watch_dirty", "close_after_reply", "close_asap"} {
		add(0, "dcs_sessions_by_flag", "flag", flag)
	}
	add(0, "dcs_sessions_address_masked")
	for _, class := range []string{"normal", "pubsub", "replica", "master"} {
		add(0, "dcs_class_sessions", "class", class)
	}
	addresses := make(map[string]bool)
	for _, l := range lines {
		number := func(name string) float64 {
			n, err := strconv.ParseInt(l[name], 10, 64)
			if err != nil {
				panic(err)
			}
			return float64(n)
		}
		user := l["user"]
		address := strings.Trim(l["addr"][:strings.LastIndex(l["addr"], ":")], "[]")
		addresses[address] = true
		masked := 0.0
		if strings.HasPrefix(address, "198.19.") {
			masked = 1
		}
		add(masked, "dcs_sessions_address_masked")
		add(1, "dcs_sessions", "user", user)
		idle := 0.0
		if number("idle") > 300 && !strings.ContainsAny(l["flags"], "PbOSM") {
			idle = 1
		}
		add(idle, "dcs_sessions_idle", "user", user)
		for metric, field := range map[string]string{"age": "age", "idle": "idle"} {
			v := number(field)
			add(1, "dcs_session_"+metric+"_seconds_count", "user", user)
			add(v, "dcs_session_"+metric+"_seconds_sum", "user", user)
			for _, bound := range []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800} {
				within := 0.0
				if v <= bound {
					within = 1
				}
				add(within, "dcs_session_"+metric+"_seconds_bucket", "user", user, "le", fmt.Sprint(bound))
			}
			most(v, "dcs_session_"+metric+"_max_seconds", "user", user)
		}
		active := 0.0
		if number("idle") < 10 {
			active = 1
		}
		add(active, "dcs_sessions_active", "user", user)
		add(active, "dcs_client_sessions_active", "user", user, "client_address", address)
		add(1, "dcs_client_sessions", "user", user, "client_address", address)
		if strings.ContainsAny(l["flags"], "MS") || user == "(superuser)" {
			add(1, "dcs_sessions_replication", "user", user)
			add(1, "dcs_client_replication_sessions", "user", user, "client_address", address)
		}
		add(number("qbuf"), "dcs_client_query_buffer_bytes", "user", user, "client_address", address)
		add(number("omem"), "dcs_client_output_memory_bytes", "user", user, "client_address", address)
		for _, f := range l["flags"] {
			add(1, "dcs_sessions_by_flag", "flag", cmp.Or(flagNames[f], "unknown"))
		}
		class := "normal"
		for _, c := range []struct{ flag, name string }{{"P", "pubsub"}, {"S", "replica"}, {"M", "master"}} {
			if strings.Contains(l["flags"], c.flag) {
				class = c.name
			}
		}
		add(1, "dcs_class_sessions", "class", class)
		add(number("omem"), "dcs_class_output_memory_bytes", "class", class)
		most(number("omem"), "dcs_class_output_memory_max_bytes", "class", class)
		add(1, "dcs_sessions_by_command", "command", l["cmd"])
		add(1, "dcs_sessions_by_database", "database", l["db"])
		add(1, "dcs_sessions_by_name", "name", l["name"])
		add(1, "dcs_sessions_by_network", "network", cmp.Or(l["network"], "vpc"))
		writes := 0.0
		if strings.Contains(l["events"], "w") {
			writes = 1
		}
		add(writes, "dcs_sessions_write_pending")
		add(number("sub"), "dcs_sessions_channel_subscriptions")
		add(number("psub"), "dcs_sessions_pattern_subscriptions")
		add(max(number("multi"), 0), "dcs_sessions_transaction_commands")
		add(number("qbuf"), "dcs_sessions_query_buffer_bytes")
		add(number("qbuf-free"), "dcs_sessions_query_buffer_free_bytes")
		add(number("obl"), "dcs_sessions_output_buffer_bytes")
		add(number("oll"), "dcs_sessions_output_list_objects")
		add(number("omem"), "dcs_sessions_output_memory_bytes")
		most(number("qbuf"), "dcs_session_query_buffer_max_bytes")
		most(number("omem"), "dcs_session_output_memory_max_bytes")
	}
	add(float64(len(addresses)), "dcs_client_addresses")
	add(0, "dcs_sessions_opened_total") // it is the node's first list
	add(0, "dcs_sessions_closed_total")
	add(float64(len(lines)), "dcs_sessions_reported")
	add(float64(taken.UnixMilli())/1000, "dcs_session_snapshot_timestamp_seconds")
	for _, dimension := range []string{"users", "clients", "commands", "databases", "names", "networks"} {
		add(0, "dcs_session_exporter_values_folded", "dimension", dimension)
	}
	return want
}

// compare checks that all series about sessions are there with their values,
// and no others.
func compare(t *testing.T, have, want map[string]float64) {
	t.Helper()
	for _, series := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[series]; !ok || math.Abs(v-want[series]) > 1e-6 {
			t.Errorf("%s: got %v (there: %v), want %v", series, v, ok, want[series])
		}
	}
	for _, series := range slices.Sorted(maps.Keys(have)) {
		about := strings.HasPrefix(series, "dcs_session") && !strings.HasPrefix(series, "dcs_session_exporter_") || strings.HasPrefix(series, "dcs_client_") || strings.HasPrefix(series, "dcs_class_")
		if _, ok := want[series]; about && !ok {
			t.Errorf("%s is %v, and CLIENT LIST has nothing of it", series, have[series])
		}
	}
}
