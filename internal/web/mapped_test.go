package web_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestSessionsOfMappedAddress checks that an IPv4-mapped IPv6 address is the same
// client as the IPv4 address.
func TestSessionsOfMappedAddress(t *testing.T) {
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{{ID: "instance-5", ProjectID: "project-1", Nodes: []emulator.Node{
		{ID: "node-6", Role: "redis-server", Type: "master", Sessions: emulator.Static{
			{ID: "1", Addr: "[::ffff:10.0.0.1]:4", Flags: "N"},
			{ID: "2", Addr: "10.0.0.1:5", Flags: "N"},
			{ID: "3", Addr: "10.0.0.2:6", Flags: "N"},
			{ID: "4", Addr: "[::ffff:198.19.0.1]:7", Flags: "N"},
		}},
	}}}})
	_, metrics := get(t, url+"/metrics", nil)
	for _, part := range []string{`dcs_client_sessions{client_address="10.0.0.1",instance_id="instance-5",node_id="node-6",user=""} 2`, `dcs_sessions_address_masked{instance_id="instance-5",node_id="node-6"} 1`} {
		if !strings.Contains(metrics, part) {
			t.Errorf("no %s", part)
		}
	}
	_, body := get(t, url+"/sessions?instance=instance-5", nil)
	if link := `<a href="sessions?addr=10.0.0.1&amp;instance=instance-5&amp;node=node-6"`; strings.Count(body, link) != 2 {
		t.Errorf("%s is there %d times, want 2:\n%s", link, strings.Count(body, link), body)
	}
	for _, addr := range []string{"10.0.0.1", "::ffff:10.0.0.1", "[::ffff:a00:1]"} {
		if _, body := get(t, url+"/sessions?instance=instance-5&format=csv&addr="+addr, nil); strings.Count(body, "\n") != 3 {
			t.Errorf("of %s: got\n%s\nwant sessions 1 and 2", addr, body)
		}
	}
}
