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

	dto "github.com/prometheus/client_model/go"
)

// TestRealSessions is the exporter's main job: the sessions of a real Redis,
// of all kinds, become metrics. Each of them must be what this test itself
// reads out of the text of CLIENT LIST.
func TestRealSessions(t *testing.T) {
	redis := startRedis(t)
	openSessions(t, redis)
	instance := emulator.RedisInstance(emulator.Redis{Addr: redis})
	api, config := startAPI(t, emulator.Options{ScanDuration: 50 * time.Millisecond}, instance)
	d := startDaemon(t, "--config.file="+config)

	got := d.scrape(t, protobuf)
	list, ok := api.Frozen(instance.ID, instance.Nodes[0].ID)
	if !ok {
		t.Fatal("there is no list")
	}
	lines := readClientList(t, list.Raw)
	if len(lines) < 3000 {
		t.Fatalf("%d sessions, want some thousand", len(lines))
	}
	want := expect(lines, instance.ID, instance.Nodes[0].ID, list.Time)
	have := flatten(got)
	compare(t, have, want)
	compare(t, flatten(d.scrape(t, classicText)), want) // of the same list: it is younger than min_interval

	// What the sessions were opened for must show, or the comparison proves
	// nothing.
	node := fmt.Sprintf("instance_id=%s,node_id=%s", instance.ID, instance.Nodes[0].ID)
	for series, least := range map[string]float64{
		"dcs_sessions_by_flag{flag=blocked," + node + "}":                                                            2,
		"dcs_sessions_by_flag{flag=pubsub," + node + "}":                                                             2,
		"dcs_sessions_by_flag{flag=transaction," + node + "}":                                                        1,
		"dcs_sessions_by_flag{flag=monitor," + node + "}":                                                            1,
		"dcs_session_output_memory_max_bytes{" + node + "}":                                                          8 << 20,
		"dcs_sessions_transaction_commands{" + node + "}":                                                            2,
		"dcs_sessions_channel_subscriptions{" + node + "}":                                                           3,
		"dcs_sessions_pattern_subscriptions{" + node + "}":                                                           1,
		"dcs_sessions{" + node + ",user=alice}":                                                                      2,
		"dcs_client_sessions{client_address=127.0.3.1," + node + ",user=default}":                                    400,
		"dcs_sessions_by_database{database=5," + node + "}":                                                          1,
		"dcs_sessions_by_name{instance_id=" + instance.ID + ",name=orders-api,node_id=" + instance.Nodes[0].ID + "}": 1,
		"dcs_sessions_by_command{command=client|setname," + node + "}":                                               1,
		"dcs_sessions_write_pending{" + node + "}":                                                                   0,
		"dcs_session_snapshot_timestamp_seconds{" + node + "}":                                                       1,
		"dcs_up{instance_id=" + instance.ID + "}":                                                                    1,
		"dcs_project_up{project_id=" + emulator.DemoProject + ",region=cn-north-4}":                                  1,
	} {
		if v, ok := have[series]; !ok || v < least {
			t.Errorf("%s is %v (there: %v), want at least %v", series, v, ok, least)
		}
	}
}

// openSessions opens connections of every kind, and leaves them open.
func openSessions(t *testing.T, redis string) {
	t.Helper()
	admin := connect(t, redis, "")
	admin.do("ACL SETUSER alice on >pw ~* &* +@all", "ACL SETUSER bob on >pw ~* &* +@all", "SET big "+strings.Repeat("x", 4000))

	for i := range 3000 {
		connect(t, redis, fmt.Sprintf("127.0.%d.1", 2+i%7))
	}
	alice := connect(t, redis, "127.0.9.1")
	alice.do("AUTH alice pw", "CLIENT SETNAME orders-api")
	connect(t, redis, "127.0.9.1").do("AUTH alice pw", "SELECT 5")
	connect(t, redis, "127.0.9.2").do("AUTH bob pw", "PING")
	for _, list := range []string{"q1", "q2"} {
		connect(t, redis, "127.0.10.1").send("BLPOP " + list + " 0")
	}
	subscriber := connect(t, redis, "127.0.11.1")
	subscriber.send("SUBSCRIBE a b c")
	connect(t, redis, "127.0.11.1").send("PSUBSCRIBE news.*")
	connect(t, redis, "127.0.12.1").do("MULTI", "SET a 1", "SET b 2")
	connect(t, redis, "127.0.12.2").do("WATCH a")
	connect(t, redis, "127.0.13.1").do("MONITOR")
	// One that asks for much and reads nothing: its output memory grows.
	slow := connect(t, redis, "127.0.14.1")
	batch := slices.Repeat([]string{"GET big"}, 500)
	go func() {
		for range 20 {
			if _, err := slow.Write([]byte(strings.Join(batch, "\r\n") + "\r\n")); err != nil {
				return // the test has ended
			}
		}
	}()
	time.Sleep(1500 * time.Millisecond) // ages and idle times differ from 0
}

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

var flagNames = map[rune]string{
	'N': "normal", 'M': "master", 'S': "replica", 'O': "monitor", 'P': "pubsub", 'x': "transaction", 'b': "blocked", 'd': "watch_dirty",
	'c': "close_after_reply", 'A': "close_asap", 'u': "unblocked", 'U': "unix_socket", 'r': "readonly", 't': "tracking",
	'R': "tracking_broken", 'B': "broadcast", 'e': "no_evict", 'T': "no_touch",
}

// expect works the series of a node out of its CLIENT LIST, plainly.
func expect(lines []map[string]string, instanceID, nodeID string, taken time.Time) map[string]float64 {
	want := make(map[string]float64)
	series := func(name string, labels ...string) string {
		pairs := []string{"instance_id=" + instanceID, "node_id=" + nodeID}
		for i := 0; i < len(labels); i += 2 {
			pairs = append(pairs, labels[i]+"="+labels[i+1])
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
		address := l["addr"][:strings.LastIndex(l["addr"], ":")]
		addresses[address] = true
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
		add(1, "dcs_client_sessions", "user", user, "client_address", address)
		add(number("qbuf"), "dcs_client_query_buffer_bytes", "user", user, "client_address", address)
		add(number("omem"), "dcs_client_output_memory_bytes", "user", user, "client_address", address)
		for _, f := range l["flags"] {
			add(1, "dcs_sessions_by_flag", "flag", cmp.Or(flagNames[f], "unknown"))
		}
		add(1, "dcs_sessions_by_command", "command", l["cmd"])
		add(1, "dcs_sessions_by_database", "database", l["db"])
		add(1, "dcs_sessions_by_name", "name", l["name"])
		add(1, "dcs_sessions_by_network", "network", "vpc")
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
	add(0, "dcs_sessions_address_masked")
	add(float64(len(lines)), "dcs_sessions_reported")
	add(float64(taken.UnixMilli())/1000, "dcs_session_snapshot_timestamp_seconds")
	for _, dimension := range []string{"users", "clients", "commands", "databases", "names", "networks"} {
		add(0, "dcs_session_exporter_values_folded", "dimension", dimension)
	}
	return want
}

// flatten writes families as series with values.
func flatten(families map[string]*dto.MetricFamily) map[string]float64 {
	out := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.Metric {
			var pairs []string
			for _, l := range m.Label {
				pairs = append(pairs, l.GetName()+"="+l.GetValue())
			}
			key := func(suffix string, more ...string) string {
				all := append(slices.Clone(pairs), more...)
				slices.Sort(all)
				return name + suffix + "{" + strings.Join(all, ",") + "}"
			}
			switch {
			case m.Gauge != nil:
				out[key("")] = m.Gauge.GetValue()
			case m.Counter != nil:
				out[key("")] = m.Counter.GetValue()
			case m.Histogram != nil:
				out[key("_count")] = float64(m.Histogram.GetSampleCount())
				out[key("_sum")] = m.Histogram.GetSampleSum()
				for _, b := range m.Histogram.Bucket {
					if math.IsInf(b.GetUpperBound(), 1) {
						continue // the text formats repeat the count there
					}
					out[key("_bucket", "le="+fmt.Sprint(b.GetUpperBound()))] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return out
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
		about := strings.HasPrefix(series, "dcs_session") && !strings.HasPrefix(series, "dcs_session_exporter_") || strings.HasPrefix(series, "dcs_client_")
		if _, ok := want[series]; about && !ok {
			t.Errorf("%s is %v, and CLIENT LIST has nothing of it", series, have[series])
		}
	}
}
