package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestUnixSocketPathWithSpaces checks that clients of a real Redis that came
// through a unix socket are read whatever its path looks like: beside one that
// came by TCP, with names that look like fields.
func TestUnixSocketPathWithSpaces(t *testing.T) {
	for _, directory := range []string{"my redis", "fd=9 name=x", "a:6379 b"} {
		t.Run(directory, func(t *testing.T) {
			root, err := os.MkdirTemp("", "s") // a socket's path is short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(root) })
			socket := filepath.Join(root, directory, "redis.sock")
			if err := os.Mkdir(filepath.Dir(socket), 0o700); err != nil {
				t.Fatal(err)
			}
			address := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
			startRedisAt(t, address, "--unixsocket", socket)
			want := []string{"U addr=10.0.0.1:5", "U fd=3", "U host:5", "N by-tcp"}
			for _, client := range want {
				flag, name, _ := strings.Cut(client, " ")
				redis := socket
				if flag == "N" {
					redis = address
				}
				connect(t, redis, "").do("CLIENT SETNAME " + name)
			}

			instance := emulator.RedisInstance(emulator.Redis{Addr: address})
			api, config := harness.StartAPI(t, emulator.Options{ScanDuration: 50 * time.Millisecond}, "", instance)
			exporter := harness.StartExporter(t, "--config.file="+config)
			have := flatten(exporter.Scrape(t, "/metrics", harness.Protobuf))
			node := fmt.Sprintf("instance_id=%s,node_id=%s", instance.ID, instance.Nodes[0].ID)
			for series, value := range map[string]float64{
				"dcs_sessions{" + node + ",user=default}":             4,
				"dcs_sessions_by_flag{flag=unix_socket," + node + "}": 3,
				"dcs_node_up{" + node + "}":                           1,
			} {
				if got, ok := have[series]; !ok || got != value {
					t.Errorf("%s is %v (there: %v), want %v", series, got, ok, value)
				}
			}
			list, _ := api.Frozen(instance.ID, instance.Nodes[0].ID)
			var got []string
			for _, s := range list.Sessions {
				got = append(got, s.Flags+" "+s.Name)
				if s.Flags == "U" && s.Addr != socket+":0" {
					t.Errorf("%s has the address %q, want %q", s.Name, s.Addr, socket+":0")
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q\n%s", got, want, list.Raw)
			}
		})
	}
}
