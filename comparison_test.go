package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/onlinecheck"

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
	// Limits are read in the background, and those of specifications last.
	var before, lines string
	awaitLimits(t, coll)
	for range 20 {
		families, err := coll.Scrape(t.Context()).Gather()
		if err != nil {
			t.Fatal(err)
		}
		if lines = linesOf(families); lines == before {
			return lines
		}
		before = lines
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatal("the metrics do not settle")
	return ""
}

// awaitLimits makes the collector read limits, and waits for those of all instances
// that run, if they can be read at all.
func awaitLimits(t *testing.T, coll *collector.Collector) {
	t.Helper()
	if _, err := coll.Scrape(t.Context()).Gather(); err != nil {
		t.Fatal(err)
	}
	unread := func() bool {
		for _, p := range coll.Fleet().Projects() {
			for target := range coll.Fleet().TargetsOf(p) {
				if target.Details.Running() && !target.Unsupported() && !p.LimitsRefused() && target.Limits().ReadAt.IsZero() {
					return true
				}
			}
		}
		return false
	}
	for end := time.Now().Add(5 * time.Second); unread() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// privateLabel matches labels whose values a recording replaces.
var privateLabel = regexp.MustCompile(`label:\{name:"(project_id|instance_id|node_id|instance_name|node_name|node_ip|client_address|client_name|name|user|enterprise_project_id|value)" +value:"(?:[^"\\]|\\.)*"\} *`)

// linesOf returns metrics as lines, sorted, without private labels, and without
// metrics that depend on the time or on the number of scrapes.
func linesOf(families []*dto.MetricFamily) string {
	var lines []string
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_timestamp_seconds") || strings.HasSuffix(f.GetName(), "_scrape_duration_seconds") || strings.HasSuffix(f.GetName(), "_total") {
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
