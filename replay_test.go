package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/recording"
	"dcs_session_exporter/internal/replay"
)

// replayOf serves a recording and returns a configuration for it.
func replayOf(t *testing.T, path string) string {
	t.Helper()
	r, err := recording.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	api, err := replay.New(r, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api.Config(server.URL)
}

// scanAll takes the session lists of a fleet.
func scanAll(t *testing.T, text string) {
	t.Helper()
	cfg, err := config.Parse("test", []byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range cfg.Projects {
		o, err := clientOptions(p, new(dcsapi.Keyring))
		if err != nil {
			t.Fatal(err)
		}
		client := dcsapi.New(o)
		nodes, err := client.ListProjectNodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for instance, list := range nodes {
			for _, n := range list {
				_, _ = client.ScanClients(t.Context(), instance, n.ID) // refused for some
			}
		}
		client.Close()
	}
}

// TestRecordAndReplay records an emulated API, and compares a scrape and a check
// of the recording with those of the original.
func TestRecordAndReplay(t *testing.T) {
	const second = "d0c50001-0002-4000-8000-000001002000" // an instance of the demo
	odd := func() []emulator.Instance {
		return []emulator.Instance{{
			ID: "instance-1", ProjectID: emulator.DemoProject, Name: "Заказы", Nodes: []emulator.Node{{ID: "node-1", Name: "of orders", Role: "redis-server", Type: "master", Sessions: emulator.Static{
				{ID: "1", Addr: "[2001:db8::1]:4000", Peer: "[2001:db8::1]:4000", Name: "\x1b]0;owned\a", Flags: "N", Cmd: "get", User: "alice"},
				{ID: "2", Addr: "/var/run/redis.sock:0", Peer: "", Name: "=cmd|x", Flags: "U", Cmd: "", User: "default", OMem: 5 << 31},
				{ID: "3", Addr: "198.19.3.4:4000", Peer: "10.1.2.3:4000", Name: "", Flags: "P", Cmd: "subscribe", User: "10.1.2.3"},
				{ID: "4", Addr: "db-client.internal:4000", Name: "名前", Flags: "N", Cmd: "MY.COMMAND", User: "(superuser)"},
				{ID: "5", Addr: "10.1.2.3:4001", Name: "12345678", Flags: "N", Cmd: "get", User: "get"},
			}}},
		}}
	}
	for _, tt := range []struct {
		name    string
		options emulator.Options
		fleet   []emulator.Instance
		faults  []emulator.Fault
		extra   string // replaces "instances:" and what follows
		scan    bool
	}{
		{name: "demo"},
		{name: "discovery", extra: "    discover: {}\n"},
		{name: "discovery by name", extra: "    discover: {name: '^prod-'}\n"},
		{name: "discovery of nothing", extra: "    discover: {name: '^none$'}\n"},
		{name: "odd sessions", fleet: odd()},
		{name: "scans", fleet: odd(), options: emulator.Options{ScanDuration: 200 * time.Millisecond}, scan: true},
		{name: "pages", options: emulator.Options{PageCap: 50, HiddenSessions: 2}},
		{name: "odd forms", options: emulator.Options{UpperIDs: true, BOM: true, OddInstance: true, OddNode: true, OddTags: `{"team":"orders","cost":42}`, HugeName: 5000}},
		{name: "no times", options: emulator.Options{TimeForm: "garbage"}},
		{name: "other times", options: emulator.Options{TimeForm: "millis"}},
		{name: "without permissions", faults: []emulator.Fault{
			{Operation: "list_instances", Status: http.StatusForbidden, Code: "DCS.2003", Message: "User 0123456789abcdef of orders has no permission."},
		}},
		{name: "failures", faults: []emulator.Fault{
			{Operation: "list_clients", InstanceID: second, Status: http.StatusForbidden, Code: "DCS.2003", Message: "Access denied"},
			{Operation: "list_nodes", Status: http.StatusBadGateway, Body: []byte("<html>proxy.internal</html>"), ContentType: "text/html"},
			{Operation: "list_projects", Status: http.StatusForbidden, Body: []byte(`{"error":{"code":403,"message":"You are not authorized to perform the requested action: alice"}}`)},
		}},
		{name: "a refused key", faults: []emulator.Fault{{BeforeAuth: true, Status: http.StatusUnauthorized, Code: "APIGW.0301", Message: "Incorrect IAM authentication information: alice"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := emulator.New(tt.options)
			api.SetKey(emulator.DemoKey())
			fleet := tt.fleet
			if fleet == nil {
				fleet = emulator.DemoFleet(1)
			}
			api.Add(fleet...)
			server := httptest.NewServer(api)
			t.Cleanup(func() {
				api.Close()
				server.Close()
			})
			text := emulator.DemoConfig(server.URL, fleet)
			if tt.extra != "" {
				before, _, _ := strings.Cut(text, "    instances:\n")
				text = before + tt.extra
			} else {
				text = strings.Replace(text, "idle_threshold: 5m", "# idle_threshold: 5m", 1)
			}
			text, _, _ = strings.Cut(text, "client_groups:") // a recording has no addresses for them
			text = fast(text) + recordSettings
			original, args := text, []string{"record"}
			if tt.scan {
				original, args = strings.Replace(text, "scan: {mode: off}\n", "", 1), append(args, "--scan")
			} else {
				scanAll(t, text)
			}
			api.SetFaults(tt.faults...)
			api.ResetRequests()
			path := filepath.Join(t.TempDir(), "recording.tar.gz")
			var stdout bytes.Buffer
			if err := run(t.Context(), append(args, "--output="+path, "--config.file="+write(t, original)), &stdout, &stdout); err != nil {
				t.Fatal(err)
			}
			if scans := slices.ContainsFunc(api.Requests(), func(r emulator.Request) bool { return r.Operation == "scan_clients" }); scans != tt.scan {
				t.Errorf("it scans: %t", scans)
			}
			replayed := fast(replayOf(t, path)) + recordSettings
			got, want := scrapeAll(t, replayed), scrapeAll(t, text)
			if got != want {
				t.Errorf("metrics differ:\n%s", differences(got, want))
			}
			if limits := strings.Contains(want, "dcs_node_idle_timeout_seconds"); tt.name == "demo" && !limits {
				t.Error("the metrics have no limits")
			}
			if got, want := verdicts(t, replayed), verdicts(t, text); got != want {
				t.Errorf("verdicts differ: got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// fast returns a configuration with a high rate limit: limits take a twentieth of
// it.
func fast(text string) string {
	return strings.ReplaceAll(text, "  - region: ", "  - requests_per_second: 1000\n    region: ")
}

// differences returns the lines that only one of two texts has.
func differences(got, want string) string {
	count := make(map[string]int)
	for line := range strings.Lines(want + "\n") {
		count[line]++
	}
	for line := range strings.Lines(got + "\n") {
		count[line]--
	}
	var out []string
	for line, n := range count {
		switch {
		case n > 0:
			out = append(out, fmt.Sprintf("missing %d: %s", n, line))
		case n < 0:
			out = append(out, fmt.Sprintf("in excess %d: %s", -n, line))
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 20)], "")
}
