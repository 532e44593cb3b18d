package dcsapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestGetLimits checks that limits are read from the forms that their values may
// have, and that what cannot be read is absent.
func TestGetLimits(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	seconds := func(n time.Duration) *time.Duration { n *= time.Second; return &n }
	parameters := func(pairs ...string) string {
		var list []map[string]any
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, map[string]any{"param_id": i, "param_name": pairs[i], "param_value": pairs[i+1], "value_type": "Interger"})
		}
		b, err := json.Marshal(map[string]any{"instance_id": "i1", "redis_config": list})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	replica := func(hard, soft *int64, softFor *time.Duration) map[string]dcsapi.BufferLimit {
		return map[string]dcsapi.BufferLimit{"replica": {Hard: hard, Soft: soft, SoftFor: softFor}}
	}
	tests := []struct {
		name, body string
		want       dcsapi.ServerLimits
	}{
		{
			"as documented", parameters("maxclients", "10000", "timeout", "0", "client-output-buffer-slave-hard-limit", "268435456",
				"client-output-buffer-slave-soft-limit", "67108864", "client-output-buffer-limit-slave-soft-seconds", "60", "maxmemory-policy", "volatile-lru"),
			dcsapi.ServerLimits{MaxClients: 10000, IdleTimeout: seconds(0), OutputBuffer: replica(size(256<<20), size(64<<20), seconds(60))},
		},
		{
			"as redis.conf has it", parameters("MAXCLIENTS", " 500 ", "client-output-buffer-limit", "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60"),
			dcsapi.ServerLimits{MaxClients: 500, OutputBuffer: map[string]dcsapi.BufferLimit{
				"normal": {size(0), size(0), seconds(0)}, "replica": {size(256 << 20), size(64 << 20), seconds(60)}, "pubsub": {size(32 << 20), size(8 << 20), seconds(60)},
			}},
		},
		{
			"a list for a class", parameters("client-output-buffer-limit-replica", "1gb 512MB 5", "timeout", "300s"),
			dcsapi.ServerLimits{IdleTimeout: seconds(300), OutputBuffer: replica(size(1<<30), size(512<<20), seconds(5))},
		},
		{
			"underscores and units", parameters("client_output_buffer_limit_slave_hard_limit", "2k", "client_output_buffer_slave_soft_limit", "7 b"),
			dcsapi.ServerLimits{OutputBuffer: replica(size(2000), size(7), nil)},
		},
		{
			"numbers", `{"redis_config":[{"param_name":"maxclients","param_value":7000},{"param_name":"timeout","param_value":60}]}`,
			dcsapi.ServerLimits{MaxClients: 7000, IdleTimeout: seconds(60)},
		},
		{"unlimited", parameters("maxclients", "unlimited", "timeout", "never", "client-output-buffer-slave-hard-limit", "-1", "client-output-buffer-limit", "normal 0"), dcsapi.ServerLimits{}},
		{"no limit", parameters("maxclients", "4294967295"), dcsapi.ServerLimits{}},
		{"huge", parameters("maxclients", "99999999999999999999", "timeout", "9223372036854775807", "client-output-buffer-slave-hard-limit", "99999999999gb"), dcsapi.ServerLimits{}},
		{"negative", parameters("maxclients", "-5", "timeout", "-1"), dcsapi.ServerLimits{}},
		{"no list", `{"redis_config":[]}`, dcsapi.ServerLimits{}},
		{"odd elements", `{"redis_config":[1,null,"x",{"param_name":{}},{"param_name":"maxclients","param_value":[1]},{"param_name":"maxclients","param_value":"42"}]}`, dcsapi.ServerLimits{MaxClients: 42}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, _ := answering(t, &test.body)
			got, err := c.GetLimits(t.Context(), "i1")
			if err != nil || !reflect.DeepEqual(got.Servers, test.want) {
				a, _ := json.Marshal(got.Servers)
				b, _ := json.Marshal(test.want)
				t.Errorf("got %s, %v; want %s", a, err, b)
			}
		})
	}

	body := `{"redis_config":[{"param_name":"maxclients","param_value":"1","node_role":"Redis-Proxy"},{"param_name":"maxclients","param_value":"2","node_role":""}]}`
	c, _ := answering(t, &body)
	if got, err := c.GetLimits(t.Context(), "i1"); err != nil || got.Proxies.MaxClients != 1 || got.Servers.MaxClients != 2 {
		t.Errorf("got %+v, %v: want 1 for proxies and 2 for servers", got, err)
	}
	for _, bad := range []string{`{}`, `{"redis_config":{}}`, `[]`, `<html>`, ``, `{"error_code":"DCS.5000"}`} {
		body = bad
		if got, err := c.GetLimits(t.Context(), "i1"); err == nil {
			t.Errorf("%q: got %+v without an error", bad, got)
		}
	}
}

// TestGetFlavor checks that the connections of a specification are read, and that
// they are absent where they depend on a size that is not known.
func TestGetFlavor(t *testing.T) {
	attribute := func(name, capacity, value string) string {
		return fmt.Sprintf(`{"name":%q,"capacity":%q,"value":%q}`, name, capacity, value)
	}
	tests := []struct {
		name       string
		attributes []string
		capacity   string
		want       int64
	}{
		{"one size", []string{attribute("max_clients", "2", "10000"), attribute("db_number", "2", "256")}, "2", 10000},
		{"another size", []string{attribute("max_clients", "2", "10000")}, "4", 10000},
		{"several sizes", []string{attribute("max_clients", "2", "10000"), attribute("max_clients", "4", "20000")}, "4", 20000},
		{"several sizes, not this one", []string{attribute("max_clients", "2", "10000"), attribute("max_clients", "4", "20000")}, "8", 0},
		{"max_connections", []string{attribute("max_connections", "2", "5000")}, "2", 5000},
		{"both", []string{attribute("max_connections", "2", "50000"), attribute("max_clients", "2", "5000")}, "2", 5000},
		{"unlimited", []string{attribute("max_clients", "2", "unlimited")}, "2", 0},
		{"no limit", []string{attribute("max_clients", "2", "4294967295")}, "2", 0},
		{"none", nil, "2", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := `{"flavors":[{"spec_code":"other","attrs":[` + attribute("max_clients", "2", "1") + `]},{"spec_code":"s1","attrs":[` + strings.Join(test.attributes, ",") + `]}]}`
			c, _ := answering(t, &body)
			f, err := c.GetFlavor(t.Context(), "s1")
			if got := f.MaxClients(test.capacity); err != nil || got != test.want {
				t.Errorf("got %d, %v; want %d", got, err, test.want)
			}
		})
	}
}

// TestLimitsOfTheEmulator checks both requests against the emulated API, with and
// without the permission.
func TestLimitsOfTheEmulator(t *testing.T) {
	api, c := fleetClient(t)
	id := emulator.DemoFleet(1)[1].ID
	limits, err := c.GetLimits(t.Context(), id)
	if err != nil || limits.Servers.MaxClients != 600 {
		t.Errorf("got %+v, %v", limits, err)
	}
	f, err := c.GetFlavor(t.Context(), "redis.ha.xu1.large.r2.8")
	if err != nil || f.MaxClients("8") != 10000 || f.CacheMode != "ha" {
		t.Errorf("got %+v, %v", f, err)
	}
	api.SetOptions(func(o *emulator.Options) { o.RefuseConfigs = true })
	if _, err := c.GetLimits(t.Context(), id); dcsapi.ReasonOf(err) != dcsapi.ReasonForbidden || !strings.Contains(err.Error(), "getConfiguration") {
		t.Errorf("got %v, want forbidden", err)
	}
}

// TestClientIP checks what is concluded about pass-through of client addresses.
func TestClientIP(t *testing.T) {
	for fields, want := range map[string]dcsapi.ClientIPState{
		`"transparent_client_ip_enable":true,"enable_ssl":false`:                                 dcsapi.ClientIPOn,
		`"transparent_client_ip_enable":false,"features":{"support_transparent_client_ip":true}`: dcsapi.ClientIPOff,
		`"transparent_client_ip_enable":"false"`:                                                 dcsapi.ClientIPOff,
		`"features":{"support_transparent_client_ip":true}`:                                      dcsapi.ClientIPSupported,
		`"features":{"support_transparent_client_ip":true},"enable_ssl":true`:                    dcsapi.ClientIPExcludedBySSL,
		`"features":{"support_transparent_client_ip":false},"enable_ssl":true`:                   dcsapi.ClientIPUnsupported,
		`"features":[]`: dcsapi.ClientIPUnknown,
		`"x":1`:         dcsapi.ClientIPUnknown,
	} {
		body := `{"instance_num":1,"instances":[{"instance_id":"i1",` + fields + `}]}`
		c, _ := answering(t, &body)
		if all, err := c.ListInstances(t.Context()); err != nil || all[0].ClientIP != want {
			t.Errorf("%s: got %q, %v; want %q", fields, all[0].ClientIP, err, want)
		}
	}
}

// TestDimensions checks that the names of nodes in the cloud's own monitoring are
// read, within bounds.
func TestDimensions(t *testing.T) {
	many := strings.Repeat(`{"name":"n","value":"v"},{"name":"","value":"v"},`, 3) + `{"name":"m","value":5}`
	body := `{"nodes":[{"node_id":"n1","dimensions":[` + many + `]},{"node_id":"n2","dimensions":7},{"node_id":"n3","dimensions":null}]}`
	c, found := answering(t, &body)
	nodes, err := c.ListNodes(t.Context(), "i1")
	if want := []dcsapi.Dimension{{"n", "v"}, {"m", "5"}}; err != nil || len(nodes) != 3 || !reflect.DeepEqual(nodes[0].Dimensions, want) || nodes[1].Dimensions != nil {
		t.Errorf("got %+v, %v", nodes, err)
	}
	if got := found.take(); len(got) != 1 || !strings.Contains(got[0], "node n2") {
		t.Errorf("warnings are %q", got)
	}
}

// fleetClient returns the emulated API with the demo's fleet, and a client of it.
func fleetClient(t *testing.T) (*emulator.Server, *dcsapi.Client) {
	t.Helper()
	api := newEmulator()
	api.SetKey(emulator.DemoKey())
	api.Add(emulator.DemoFleet(1)...)
	return api, newClient(t, api, func(o *dcsapi.Options) {
		o.ProjectID = emulator.DemoProject
		o.Keys = staticKey(emulator.DemoAccessKey, emulator.DemoSecretKey, "")
	})
}
