package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
	"dcs_session_exporter/internal/recording"
	"dcs_session_exporter/internal/replay"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
)

// recordSettings are further settings of the configurations in these tests:
// nothing is folded, because ties are decided by names.
const recordSettings = "scan: {mode: off}\nmax_snapshot_age: 0s\nlimits: {users: 1000, clients: 1000, commands: 1000, databases: 1000, names: 1000, networks: 1000}\n"

// scrapeAll returns the metrics of a scrape as lines without the labels that a
// recording replaces, sorted, and without those that depend on the time.
func scrapeAll(t *testing.T, text string) string {
	t.Helper()
	cfg, err := config.Parse("test", []byte(text), ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	own := exposition.NewSelfMetrics()
	var open clients
	projects, _, err := open.connect(cfg, own)
	if err != nil {
		t.Fatal(err)
	}
	defer open.close()
	coll := collector.New(collectorOptions(cfg, projects, log.NewNopLogger()), own, nil)
	defer coll.Close()
	// Limits are read in the background.
	var before, lines string
	for range 20 {
		families, err := coll.Scrape(t.Context()).Gather()
		if err != nil {
			t.Fatal(err)
		}
		if lines = linesOf(families); lines == before {
			return lines
		}
		before = lines
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("the metrics do not settle")
	return ""
}

// privateLabel matches labels whose values a recording replaces.
var privateLabel = regexp.MustCompile(`label:\{name:"(project_id|instance_id|node_id|instance_name|node_name|node_ip|client_address|client_name|name|user|enterprise_project_id|value)" +value:"(?:[^"\\]|\\.)*"\} *`)

// linesOf returns metrics as lines, sorted, without private labels, and without
// metrics that depend on the time.
func linesOf(families []*dto.MetricFamily) string {
	var lines []string
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_timestamp_seconds") || strings.HasSuffix(f.GetName(), "_scrape_duration_seconds") {
			continue
		}
		for _, m := range f.GetMetric() {
			lines = append(lines, f.GetName()+" "+strings.Join(strings.Fields(privateLabel.ReplaceAllString(m.String(), "")), " "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// verdicts returns what check --online says, without the texts that a recording
// replaces.
func verdicts(t *testing.T, text string) string {
	t.Helper()
	var stdout bytes.Buffer
	_ = run(t.Context(), []string{"check", "--online", "--output=json", "--config.file=" + write(t, text)}, &stdout, &stdout)
	var report onlinecheck.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	var b strings.Builder
	findings := func(b *strings.Builder, list []onlinecheck.Finding) {
		for _, f := range list {
			fmt.Fprintf(b, "  %s %s\n", f.Severity, f.Reason)
		}
	}
	fmt.Fprintf(&b, "%s, failures %d, warnings %d, consequences %d\n", report.Result, report.Failures, report.Warnings, report.Consequences)
	for _, p := range report.Projects {
		flags, _ := json.Marshal([]any{p.Result, p.Key.Accepted, p.Permissions, p.IAM.RegionMatches, p.Endpoint.Reached, p.InstancesListed})
		fmt.Fprintf(&b, "%s\n", flags)
		findings(&b, p.Findings)
		var instances []string // the report sorts them by name
		for _, i := range p.Instances {
			var b strings.Builder
			fmt.Fprintf(&b, " %s %s %s %s %s discovered=%t\n", i.Engine, i.EngineVersion, i.Status, i.Skipped, i.Result, i.Discovered)
			findings(&b, i.Findings)
			for _, n := range i.Nodes {
				flags, _ := json.Marshal([]any{n.Type, n.Read, n.NotRead, n.Sessions, n.AddressMasked, n.Result, n.ListTakenAt != nil})
				fmt.Fprintf(&b, "  %s\n", flags)
				findings(&b, n.Findings)
			}
			instances = append(instances, b.String())
		}
		slices.Sort(instances)
		b.WriteString(strings.Join(instances, ""))
	}
	return b.String()
}

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
	}{
		{name: "demo"},
		{name: "discovery", extra: "    discover: {}\n"},
		{name: "discovery by name", extra: "    discover: {name: '^prod-'}\n"},
		{name: "discovery of nothing", extra: "    discover: {name: '^none$'}\n"},
		{name: "odd sessions", fleet: odd()},
		{name: "pages", options: emulator.Options{PageCap: 50, HiddenSessions: 2}},
		{name: "odd forms", options: emulator.Options{UpperIDs: true, BOM: true, OddInstance: true, OddNode: true, OddTags: `{"team":"orders","cost":42}`, HugeName: 5000}},
		{name: "times without a zone", options: emulator.Options{TimeForm: "zoneless"}},
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
			scanAll(t, text)
			api.SetFaults(tt.faults...)
			api.ResetRequests()
			path := filepath.Join(t.TempDir(), "recording.tar.gz")
			var stdout bytes.Buffer
			if err := run(t.Context(), []string{"record", "--output=" + path, "--config.file=" + write(t, text)}, &stdout, &stdout); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(api.Requests(), func(r emulator.Request) bool { return r.Operation == "scan_clients" }) {
				t.Error("it scans without --scan")
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

// TestRecord checks the command's output, its errors, and that it leaves nothing
// behind when it fails.
func TestRecord(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	fleet := emulator.DemoFleet(1)[1:2]
	api.Add(fleet...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	text := emulator.DemoConfig(server.URL, fleet)
	nobody := write(t, strings.ReplaceAll(text, server.URL, "http://127.0.0.1:1"))
	off := write(t, text+"scan: {mode: off}\n")
	good := write(t, text)
	for _, tt := range []struct {
		name   string
		args   []string
		output string // below a folder of its own
		err    string
		code   int
		stdout []string
		scans  int
	}{
		{"no such timeout", []string{"--config.file=" + good, "--timeout=1s"}, "r.tar.gz", "invalid --timeout 1s: must be between 10s and 1h", 2, nil, 0},
		{"scans are off", []string{"--config.file=" + off, "--scan"}, "r.tar.gz", "--scan contradicts scan.mode: off", 2, nil, 0},
		{"no such file", []string{"--config.file=/nonexistent"}, "r.tar.gz", "no such file", 2, nil, 0},
		{"no such folder", []string{"--config.file=" + good}, "none/r.tar.gz", "r.tar.gz: no such file or directory", 2, nil, 0},
		{"a folder", []string{"--config.file=" + good}, ".", "is not a regular file", 2, nil, 0},
		{"nobody answers", []string{"--config.file=" + nobody}, "r.tar.gz", "no recording was written: no request was answered", 1, nil, 0},
		{"no scan", []string{"--config.file=" + off}, "r.tar.gz", "", 0, []string{"500 8", "error_code: DCS.5000"}, 0},
		{"a scan", []string{"--config.file=" + good, "--scan"}, "r.tar.gz", "", 0, []string{"blpop, brpop, del, ", "user: default\n", "tar -xzOf ", "dcs_emulator --replay="}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api.ResetRequests()
			dir := t.TempDir()
			var stdout bytes.Buffer
			err := run(t.Context(), append([]string{"record", "--output=" + filepath.Join(dir, tt.output)}, tt.args...), &stdout, &stdout)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if err != nil && exitCode(err) != tt.code {
				t.Errorf("exit code %d, want %d", exitCode(err), tt.code)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("no %q in\n%s", part, stdout.String())
				}
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 1}[tt.err == ""]; len(left) != want {
				t.Errorf("%d files are left: %v", len(left), left)
			}
			scans := 0
			for _, r := range api.Requests() {
				if r.Operation == "scan_clients" {
					scans++
				}
			}
			if scans != tt.scans {
				t.Errorf("%d scans, want %d", scans, tt.scans)
			}
		})
	}
}

// TestRecordInterrupted checks that an interrupted command leaves nothing behind.
func TestRecordInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	var stdout bytes.Buffer
	err := run(ctx, []string{"record", "--output=" + filepath.Join(dir, "r"), "--config.file=" + write(t, emulator.DemoConfig(server.URL, emulator.DemoFleet(1)))}, &stdout, &stdout)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 || stdout.Len() > 0 {
		t.Errorf("it leaves %v and writes %q", left, stdout.String())
	}
}
