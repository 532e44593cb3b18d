package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// question is a section of docs/queries.md.
type question struct {
	title       string
	query       string
	troubleOnly bool // no answer is what one wants: "Empty is good."
}

var questionTitle = regexp.MustCompile(`(?m)^### (.+\?)\n`)

// questions reads docs/queries.md: each question has a query and some words on
// its answer.
func questions(t *testing.T) []question {
	t.Helper()
	text := read(t, "../docs/queries.md")
	var all []question
	at := questionTitle.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		section := text[m[1]:end]
		section, _, _ = strings.Cut(section, "\n## ")
		q := question{title: text[m[2]:m[3]], troubleOnly: strings.Contains(section, "\nEmpty is good.")}
		queries := codeBlocks(section, "promql")
		if words := codeBlock.ReplaceAllString(section, ""); len(queries) != 1 || len(strings.Fields(words)) < 5 {
			t.Fatalf("docs/queries.md: %q has %d queries, and these words: %s", q.title, len(queries), words)
		}
		q.query = queries[0]
		if slices.ContainsFunc(all, func(other question) bool { return other.title == q.title || other.query == q.query }) {
			t.Fatalf("docs/queries.md: %q, or its query, is there twice", q.title)
		}
		all = append(all, q)
	}
	if blocks := codeBlocks(text, "promql"); len(all) < 20 || len(all) != len(blocks) || len(all) != strings.Count(text, "\n### ") {
		t.Fatalf("docs/queries.md has %d questions and %d queries, want at least 20, one each", len(all), len(blocks))
	}
	return all
}

// TestQueries checks the queries of docs/queries.md without data, and that the
// one that is a recording rule is that rule, but for labels of targets.
func TestQueries(t *testing.T) {
	t.Parallel()
	recorded := false
	rules := renderMixin(t, "keep: []")["monitoring/rules/recording.yml"]
	for _, q := range questions(t) {
		checkExpression(t, q.title, q.query)
		recorded = recorded || strings.Contains(rules, "record: node:dcs_connections_accepted:rate5m\n        expr: "+strings.TrimSpace(q.query)+"\n")
	}
	if !recorded {
		t.Error("no query is what node:dcs_connections_accepted:rate5m records")
	}
}

// scrapedBy returns a configuration of Prometheus with a job per name and
// address, both of them scraped at an interval.
func scrapedBy(interval string, jobs ...[2]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %s, scrape_timeout: %s, evaluation_interval: 1s}\nscrape_configs:\n", interval, interval)
	for _, job := range jobs {
		fmt.Fprintf(&b, "  - {job_name: %s, static_configs: [{targets: ['%s']}]}\n", job[0], job[1])
	}
	return b.String()
}

// TestQueriesOnDemo runs the queries on the demo, scraped twice as a pair of
// exporters would have it: each finds something, unless it is one that finds
// trouble only; none gives a warning or counts a node twice.
func TestQueriesOnDemo(t *testing.T) {
	t.Parallel()
	exporter := harness.StartExporter(t, "--demo")
	p := harness.StartPrometheus(t, scrapedBy("3s", [2]string{"dcs_session_one", exporter.Address}, [2]string{"dcs_session_two", exporter.Address}))
	p.Await(t, `count(dcs_up == 1) == 10`)
	for _, q := range questions(t) {
		if q.troubleOnly {
			p.Query(t, time.Time{}, "%s", q.query)
			continue
		}
		p.Await(t, "%s", q.query)
		if aboutNodes(q.query) {
			p.Await(t, "(%s) != 0", q.query) // twice 0 is 0
			checkOnce(t, p, q.title, q.query)
		}
	}
}

// TestQueriesInTrouble runs the queries that find nothing while all is well
// where all of that trouble is. They find it, and none finds any with an
// instance that is well.
func TestQueriesInTrouble(t *testing.T) {
	t.Parallel()
	well := singleNode(emulator.Static{{ID: "1", Addr: "10.0.0.1:1", User: "u", Flags: "N", Events: "r", Age: 9}})
	well.ID, well.Nodes[0].ID = "well", "well"
	well.Parameters = nil // no timeout
	troubled := singleNode(emulator.SourceFunc(trouble(time.Now())))
	_, first := harness.StartAPI(t, emulator.Options{}, "scrape_timeout_offset: 100ms\nscan: {min_interval: 0s}\nlimits: {names: 1}\n", troubled, well)

	// This API hides three sessions of each node, and one node may not be read.
	hidden := singleNode(emulator.Static(sessionsOf(5, 1)))
	hidden.ID, hidden.Nodes[0].ID = "hidden", "hidden"
	forbidden := singleNode(emulator.Static(sessionsOf(5, 1)))
	forbidden.ID, forbidden.Nodes[0].ID = "forbidden", "forbidden"
	api, second := harness.StartAPI(t, emulator.Options{HiddenSessions: 3}, frozen, hidden, forbidden)
	api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: "forbidden", Status: http.StatusForbidden, Code: "DCS.2003", Message: "no"})

	// This one does not say when it took its lists.
	undated := singleNode(emulator.Static(sessionsOf(5, 1)))
	undated.ID, undated.Nodes[0].ID = "undated", "undated"
	api, third := harness.StartAPI(t, emulator.Options{}, frozen, undated)
	api.SetFaults(emulator.Fault{Operation: "list_clients", Rewrite: func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"time":`), []byte(`"when":`), 1)
	}})

	// And this one throttles.
	throttled := singleNode(emulator.Static(sessionsOf(5, 1)))
	throttled.ID = "throttled"
	api, fourth := harness.StartAPI(t, emulator.Options{}, quick, throttled)
	api.SetFaults(emulator.Fault{Operation: "list_clients", Status: http.StatusTooManyRequests, Code: "APIGW.0308", Header: http.Header{"Retry-After": {"300"}}})

	var jobs [][2]string
	for i, config := range []string{first, second, third, fourth} {
		jobs = append(jobs, [2]string{fmt.Sprint("exporter-", i), harness.StartExporter(t, "--config.file="+config).Address})
	}
	p := harness.StartPrometheus(t, scrapedBy("2s", jobs...)) // a second may be too short for all nodes where the machine is busy
	p.AwaitValue(t, 1, `dcs_up{instance_id="well"}`)
	of := func(i emulator.Instance) string { return fmt.Sprintf("instance_id=%q", i.ID) }
	want := map[string]string{ // what each result has
		"Who opens connections and closes none?":                 `user="leak"`,
		"Does a normal client leave much unread?":                of(troubled),
		"In how many seconds does a normal client pass 256 MiB?": of(troubled),
		"Is a subscriber or a replica about to be disconnected?": `class="pubsub"`,
		"Which sessions stay beyond the server's own timeout?":   of(troubled),
		"In how many hours are the connections used up?":         of(troubled),
		"Is somebody running MONITOR?":                           of(troubled),
		"Did somebody run MONITOR today?":                        of(troubled),
		"Does somebody come from outside our networks?":          `user="stranger"`,
		"Of which nodes is the age not known?":                   `node_id="undated"`,
		"Which nodes are not read, and why?":                     `reason="`,
		"Do the top lists show everybody?":                       `dimension="names"`,
		"Does the API hide sessions?":                            `=> 3 @`,
		"Is the project held off?":                               emulator.DemoProject,
		"How many readings failed within the hour, and why?":     `reason="`,
	}
	for _, q := range questions(t) {
		if !q.troubleOnly {
			continue
		}
		for _, sample := range p.Await(t, "%s", q.query) {
			if text := sample.String(); want[q.title] == "" || !strings.Contains(text, want[q.title]) || strings.Contains(text, of(well)) {
				t.Errorf("%s: has to find %q: %s", q.title, want[q.title], text)
			}
		}
		delete(want, q.title)
	}
	// The alert on undated lists finds that node too; it is read, and nothing else
	// went wrong there.
	for _, r := range alertRules(t) {
		if r.Alert == "DcsListUndated" {
			if found := p.Await(t, "%s", unnamed(r)); len(found) != 1 || found[0].Metric["node_id"] != "undated" {
				t.Errorf("%s finds %v, want the node undated", r.Alert, found)
			}
		}
	}
	p.AwaitValue(t, 1, `count(dcs_node_error{node_id="undated"}) and count(dcs_node_up{node_id="undated"} == 1)`)
	// The fleet's table has a word for the list that may be of any age.
	causes := make(map[string]string) // by instance
	for _, expr := range dashboards(t)[0].expressions(t) {
		if strings.Contains(expr, "age unknown") {
			for _, sample := range p.Await(t, "%s", replace(t, expr, map[string]string{"job": ".*", "cluster": ".*", "team": ".*", "instance": "undated|well"})) {
				causes[string(sample.Metric["instance_id"])] = fmt.Sprintf("%s %v", sample.Metric["cause"], sample.Value)
			}
		}
	}
	if causes["undated"] != "age unknown 0.5" || causes["well"] == "" || strings.Contains(causes["well"], "age unknown") {
		t.Errorf("the fleet's pressure is %v", causes)
	}
	if len(want) > 0 {
		t.Errorf("docs/queries.md does not ask, or does not say that empty is good: %v", want)
	}
}

// checkAnswer compares what a query has found with what it has to find.
func checkAnswer(t *testing.T, what string, got, want map[string]float64) {
	t.Helper()
	if !maps.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }) {
		t.Errorf("%s\ngot  %v\nwant %v", what, got, want)
	}
}

// trouble returns the sessions of a node that has every trouble: a host that
// opens five connections a second and closes none, a client that reads ever
// less of what it asks for, one that monitors, one from elsewhere that is idle for
// longer than the server allows, a subscriber that is near its limit.
func trouble(start time.Time) func(context.Context, time.Time) ([]emulator.Session, string, error) {
	return func(_ context.Context, now time.Time) ([]emulator.Session, string, error) {
		passed := now.Sub(start)
		sessions := []emulator.Session{
			{Addr: "10.0.0.2:1", Flags: "N", User: "slow", Name: "a", Events: "rw", OMem: 80<<20 + int64(passed.Seconds()*(1<<20))},
			{Addr: "10.0.0.3:1", Flags: "O", User: "watcher", Name: "b", Events: "r"},
			{Addr: "203.0.113.9:1", Flags: "N", User: "stranger", Name: "c", Events: "r", Age: 9000, Idle: 9000},
			{Addr: "10.0.0.5:1", Flags: "P", User: "subscriber", Name: "d", Events: "rw", OMem: 7 << 20},
		}
		for i := range int(passed.Seconds() * 5) {
			sessions = append(sessions, emulator.Session{Addr: fmt.Sprintf("10.0.0.4:%d", 1000+i), Flags: "N", User: "leak", Events: "r"})
		}
		for i := range sessions {
			sessions[i].ID = fmt.Sprint(i + 1)
		}
		return sessions, "", nil
	}
}
