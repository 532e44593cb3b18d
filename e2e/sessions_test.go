package e2e_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
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
	api, config := harness.StartAPI(t, emulator.Options{ScanDuration: 50 * time.Millisecond}, "limits: {clients: 1000}\n", instance)
	exporter := harness.StartExporter(t, "--config.file="+config)

	got := exporter.Scrape(t, "/metrics", harness.Protobuf)
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
	compare(t, flatten(exporter.Scrape(t, "/metrics", harness.ClassicText)), want) // of the same list: it is younger than min_interval

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

// flatten writes families in the form of expect.
func flatten(families map[string]*dto.MetricFamily) map[string]float64 {
	out := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.Metric {
			var pairs []string
			for _, l := range m.Label {
				if l.GetValue() != "" {
					pairs = append(pairs, l.GetName()+"="+l.GetValue())
				}
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
