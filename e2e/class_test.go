package e2e_test

import (
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// publishMegabyte publishes a message of 1 MiB.
const publishMegabyte = `EVAL "return redis.call('PUBLISH', 'news', string.rep('x', 1048576))" 0`

// TestClassesOfClients has a real Redis cut off a subscriber that does not read,
// and leave an ordinary client alone that has twice as much waiting.
func TestClassesOfClients(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	instance := emulator.RedisInstance(emulator.Redis{Addr: redis})
	node := instance.Nodes[0].ID
	api, config := harness.StartAPI(t, emulator.Options{}, scanned, instance)
	p := harness.StartPrometheus(t, scrapedBy("1s", [2]string{"dcs_sessions", harness.StartExporter(t, "--config.file="+config).Address}))

	subscriber, ordinary, other := connect(t, redis, "127.0.9.11"), connect(t, redis, "127.0.9.12"), connect(t, redis, "127.0.9.13")
	other.do("SETRANGE big 1048575 x")
	subscriber.send("SUBSCRIBE news")
	for range 6 { // what confirms it: "*3", "$9", "subscribe", …; afterwards it does not read
		if _, err := subscriber.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}

	// The sockets take some of it.
	for range 24 {
		other.do(publishMegabyte)
	}
	for range 80 {
		ordinary.send("GET big")
	}
	const mib = "* 1024 * 1024"
	p.AwaitValue(t, 1, `dcs_class_sessions{class="pubsub", node_id=%q}`, node)
	p.AwaitValue(t, 1, `dcs_class_output_memory_max_bytes{class="pubsub", node_id=%q} > bool 8 `+mib, node)
	p.AwaitValue(t, 1, `dcs_class_output_memory_max_bytes{class="pubsub", node_id=%q} < bool 32 `+mib, node)
	p.AwaitValue(t, 1, `dcs_class_output_memory_max_bytes{class="normal", node_id=%q} > bool 64 `+mib, node)

	for range 24 {
		other.do(publishMegabyte)
	}
	p.AwaitValue(t, 0, `dcs_class_sessions{class="pubsub", node_id=%q}`, node)
	p.AwaitValue(t, 0, `count(dcs_class_output_memory_bytes{class="pubsub", node_id=%q}) or vector(0)`, node)
	time.Sleep(3 * time.Second) // ordinary clients are not cut off later either
	p.AwaitValue(t, 1, `dcs_class_output_memory_max_bytes{class="normal", node_id=%q} > bool 64 `+mib, node)
	if list, ok := api.Frozen(instance.ID, node); !ok || !strings.Contains(list.Raw, "addr=127.0.9.12:") || strings.Contains(list.Raw, "addr=127.0.9.11:") {
		t.Errorf("the real CLIENT LIST (there: %v):\n%s", ok, list.Raw)
	}
}
