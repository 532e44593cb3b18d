package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// faster is how many times faster time goes by for the rules in these tests: a
// minute is a second.
const faster = 60

// hasten makes the rules of a file wait and look back so many times shorter:
// for and keep_firing_for, the ranges and offsets of selectors and subqueries.
// What values are compared with stays, seconds among it.
func hasten(t *testing.T, file ruleFile, times int) ruleFile {
	t.Helper()
	out := ruleFile{Groups: slices.Clone(file.Groups)}
	for i := range out.Groups {
		g := &out.Groups[i]
		g.Rules = slices.Clone(g.Rules)
		for k := range g.Rules {
			r := &g.Rules[k]
			r.For /= model.Duration(times)
			r.KeepFiringFor /= model.Duration(times)
			expr := parse(t, r.Expr)
			parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
				switch n := node.(type) {
				case *parser.MatrixSelector:
					n.Range /= time.Duration(times)
				case *parser.SubqueryExpr:
					n.Range /= time.Duration(times)
					n.Step /= time.Duration(times)
				case *parser.VectorSelector:
					n.OriginalOffset /= time.Duration(times)
				}
				return nil
			})
			r.Expr = expr.String()
		}
	}
	return out
}

// TestHasten checks that hastened rules differ from the real ones in their
// times only.
func TestHasten(t *testing.T) {
	t.Parallel()
	file := loadRules(t, alertFile)
	hastened := hasten(t, file, faster)
	same := hasten(t, file, 1)
	for i, g := range file.Groups {
		for k, r := range g.Rules {
			if got, want := same.Groups[i].Rules[k].Expr, parse(t, r.Expr).String(); got != want {
				t.Errorf("%s: not hastened it is %s, want %s", r.Alert, got, want)
			}
			fast := hastened.Groups[i].Rules[k]
			if r.Record != "" {
				if r.Record == heldAlerts && !strings.Contains(fast.Expr, "last_over_time(dcs_up[1m])") {
					t.Errorf("%s becomes %s", r.Record, fast.Expr)
				}
				continue
			}
			if fast.For == 0 || fast.KeepFiringFor*faster != r.KeepFiringFor || fast.For*faster != r.For || !maps.Equal(fast.Annotations, r.Annotations) || !maps.Equal(fast.Labels, r.Labels) || fast.Alert != r.Alert {
				t.Errorf("%s becomes %+v", r.Alert, fast)
			}
			if r.Alert == "DcsNearMaxClients" && !strings.Contains(fast.Expr, "last_over_time(sum without (user) (dcs_sessions)[2s:250ms])") {
				t.Errorf("%s becomes %s", r.Alert, fast.Expr)
			}
			if r.Alert == "DcsKeyRefused" && !strings.Contains(fast.Expr, "offset 10s") {
				t.Errorf("%s becomes %s", r.Alert, fast.Expr)
			}
		}
	}
}

// notification is an alert as Alertmanager sends it to a webhook.
type notification struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// webhook receives what Alertmanager sends.
type webhook struct {
	URL string

	mu       sync.Mutex
	all      []notification
	messages []string // status and name of alerts, for each time that somebody is told
}

// told returns what messages there were, as "firing DcsSlowReader".
func (h *webhook) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.messages)
}

func startWebhook(t *testing.T) *webhook {
	t.Helper()
	h := new(webhook)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			Version string            `json:"version"`
			Status  string            `json:"status"`
			Labels  map[string]string `json:"groupLabels"`
			Alerts  []notification    `json:"alerts"`
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil || message.Version != "4" || len(message.Alerts) == 0 {
			t.Errorf("notification: %v, version %q, %d alerts", err, message.Version, len(message.Alerts))
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, message.Alerts...)
		h.messages = append(h.messages, message.Status+" "+message.Labels["alertname"])
	}))
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

// find returns the first notification that an alert with labels has a status.
func (h *webhook) find(status, alert string, labels map[string]string) (notification, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.all {
		if n.Status == status && n.Labels["alertname"] == alert && contains(n.Labels, labels) {
			return n, true
		}
	}
	return notification{}, false
}

func contains(all, some map[string]string) bool {
	for k, v := range some {
		if all[k] != v {
			return false
		}
	}
	return true
}

// await waits for the notification that an alert fires, doing something each
// time that it looks for it, and checks its labels and annotations.
func (h *webhook) await(t *testing.T, status, alert, severity string, labels map[string]string, summary, description string, meanwhile func()) notification {
	t.Helper()
	var n notification
	harness.Await(t, alert+" being "+status, func() (ok bool) {
		meanwhile()
		n, ok = h.find(status, alert, labels)
		return ok
	})
	want := maps.Clone(labels)
	want["alertname"], want["severity"] = alert, severity
	if !maps.Equal(n.Labels, want) {
		t.Errorf("%s: labels %v, want %v", alert, n.Labels, want)
	}
	if n.Annotations["runbook_url"] != "docs/runbooks.md#"+strings.ToLower(alert) || !strings.HasPrefix(n.Annotations["dashboard_url"], "/d/") {
		t.Errorf("%s: annotations %v", alert, n.Annotations)
	}
	for got, want := range map[string]string{n.Annotations["summary"]: summary, n.Annotations["description"]: description} {
		if !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%s says %q, want %q", alert, got, want)
		}
	}
	if resolved := !n.EndsAt.IsZero() && n.EndsAt.After(n.StartsAt); resolved != (status == "resolved") {
		t.Errorf("%s is %s, from %s to %s", alert, status, n.StartsAt, n.EndsAt)
	}
	return n
}

// TestAlertsArrive takes the alerts all the way, hastened: a real Redis with
// real clients, and nodes of an emulated instance; the API, the exporter,
// Prometheus with alerts.yml, Alertmanager with the inhibitions, and a webhook. Each alert has to arrive there, and its end.
func TestAlertsArrive(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	connect(t, redis, "").do(`CONFIG SET client-output-buffer-limit "normal 268435456 0 0"`,
		"ACL SETUSER inventory on >pw ~* +@all", "ACL SETUSER reporting on >pw ~* +@all", "SETRANGE big 1048575 x")
	real := emulator.RedisInstance(emulator.Redis{Addr: redis})
	emulated := emulator.DemoFleet(1)[1]
	for i := range emulated.Nodes {
		emulated.Nodes[i].Sessions = emulator.Static(sessionsOf(5, 1))
	}
	full := emulator.DemoFleet(1)[0]
	full.Parameters = map[string]string{"maxclients": "100"}
	full.Nodes[0].Sessions = emulator.Static(sessionsOf(90, 1))
	api, config := harness.StartAPI(t, emulator.Options{}, scanned, real, emulated, full)
	exporter := harness.StartExporter(t, "--config.file="+config)

	hook := startWebhook(t)
	alertmanager := harness.StartAlertmanager(t, fmt.Sprintf(`
route: {receiver: hook, group_by: [alertname, instance_id], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '%s', send_resolved: true}]}]
%s`, hook.URL, read(t, inhibitionFile)))
	rules := harness.Write(t, t.TempDir(), "alerts.yml", hasten(t, loadRules(t, alertFile), faster).marshal(t))
	harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%s]
alerting: {alertmanagers: [{static_configs: [{targets: ['%s']}]}]}
scrape_configs: [{job_name: dcs_sessions, static_configs: [{targets: ['%s']}]}]
`, rules, alertmanager.Address, exporter.Address)).Await(t, `count(dcs_up == 1) == 3`)

	node := map[string]string{
		"region": "cn-north-4", "project_id": emulator.DemoProject, "instance_id": real.ID, "instance_name": "redis",
		"node_id": real.Nodes[0].ID, "node_name": real.Nodes[0].Name,
	}
	// arrives awaits that an alert fires, and that it is resolved after end.
	arrivesAs := func(t *testing.T, severity, alert string, labels map[string]string, summary, description string, meanwhile, end func()) {
		t.Helper()
		firing := hook.await(t, "firing", alert, severity, labels, summary, description, meanwhile)
		end()
		resolved := hook.await(t, "resolved", alert, severity, labels, summary, ".*", func() {})
		if !resolved.StartsAt.Equal(firing.StartsAt) {
			t.Errorf("%s: fired at %s, and what is resolved began at %s", alert, firing.StartsAt, resolved.StartsAt)
		}
	}
	arrives := func(t *testing.T, alert string, labels map[string]string, summary, description string, meanwhile, end func()) {
		t.Helper()
		arrivesAs(t, "warning", alert, labels, summary, description, meanwhile, end)
	}
	// They take place at once. The group ends when all have.
	t.Run("alerts", func(t *testing.T) {
		t.Run("leak", func(t *testing.T) {
			t.Parallel()
			var leaked []*client
			labels := maps.Clone(node)
			labels["user"], labels["client_address"] = "inventory", "127.0.5.5"
			arrives(t, "DcsConnectionLeak", labels, `127\.0\.5\.5 leaks connections to instance `+real.ID+` \(redis\)\.`,
				`User inventory from 127\.0\.5\.5 has \d+ sessions more on node `+real.Nodes[0].ID+` \(.*\) than 10 minutes ago, and their number has not once fallen\. It has \d+ now\. The group that grew most is inventory, by \d+\.`,
				func() {
					c := connect(t, redis, "127.0.5.5")
					c.do("AUTH inventory pw")
					leaked = append(leaked, c)
				},
				func() {
					for _, c := range leaked {
						_ = c.Close()
					}
				})
		})
		t.Run("slow reader", func(t *testing.T) {
			t.Parallel()
			slow := connect(t, redis, "127.0.6.6")
			slow.do("AUTH reporting pw")
			// It asks for 10 MiB a second, and reads nothing, until Redis cuts it off.
			cut := make(chan struct{})
			go func() {
				defer close(cut)
				ticker := time.NewTicker(100 * time.Millisecond)
				defer ticker.Stop()
				for range ticker.C {
					if _, err := slow.Write([]byte("GET big\r\n")); err != nil {
						return
					}
				}
			}()
			t.Cleanup(func() { _ = slow.Close(); <-cut })
			arrives(t, "DcsSlowReader", node, `A client of instance `+real.ID+` \(redis\) reads too slowly\.`,
				`A normal client on node `+real.Nodes[0].ID+` \(.*\) has [\d.]+[KM]?i?B of answers waiting(, and .*)?\. Redis does not disconnect it: .* Heaviest now: user reporting from 127\.0\.6\.6, [\d.]+MiB\.`,
				func() {}, func() { <-cut })
		})
		t.Run("subscriber", func(t *testing.T) {
			t.Parallel()
			subscriber, publisher := connect(t, redis, "127.0.7.7"), connect(t, redis, "127.0.7.8")
			subscriber.send("SUBSCRIBE news")
			if _, err := subscriber.r.ReadString('\n'); err != nil { // subscribed; it reads no more
				t.Fatal(err)
			}
			for range 20 {
				publisher.do(publishMegabyte)
			}
			arrives(t, "DcsSubscriberBehind", node, `A subscriber of instance `+real.ID+` \(redis\) reads too slowly\.`,
				`A subscriber on node `+real.Nodes[0].ID+` \(.*\) has [\d.]+MiB of messages waiting, [\d.]+% of its soft limit\. Redis disconnects it after a minute above that, and it misses what is published until it is back\. Heaviest of all clients now: user .* from [\d.]+, [\d.]+MiB\.`,
				func() {}, func() { _ = subscriber.Close() })
		})
		t.Run("near the limit that the API names", func(t *testing.T) {
			t.Parallel()
			arrivesAs(t, "critical", "DcsNearMaxClients", map[string]string{
				"region": "cn-north-4", "project_id": emulator.DemoProject, "instance_id": full.ID, "instance_name": full.Name,
				"node_id": full.Nodes[0].ID, "node_name": full.Nodes[0].Name,
			},
				`Instance `+full.ID+` \(dev-single\) will soon refuse connections\.`,
				`Node `+full.Nodes[0].ID+` \(.*\) has 90% of the connections that are accepted\. The limit is from the parameter maxclients\. Heaviest now: .*`,
				func() {}, func() {
					api.Change(full.ID, func(i *emulator.Instance) { i.Nodes[0].Sessions = emulator.Static(sessionsOf(10, 1)) })
				})
		})
		t.Run("node not read", func(t *testing.T) {
			t.Parallel()
			failing := emulated.Nodes[1].ID
			api.SetFaults(emulator.Fault{Operation: "list_clients", NodeID: failing, Status: http.StatusForbidden, Code: "DCS.2003", Message: "no"})
			arrives(t, "DcsNodeNotRead", map[string]string{
				"region": "cn-north-4", "project_id": emulator.DemoProject, "instance_id": emulated.ID, "instance_name": emulated.Name,
				"node_id": failing, "node_name": emulated.Nodes[1].Name,
			},
				`A node of instance `+emulated.ID+` \(prod-orders-ha\) is not read, or not every time\.`,
				`Node `+failing+` \(.*\) was read in [\d.]+% of the scrapes of the last 5 minutes\. Nothing is known of its sessions in between\. Reason: forbidden\.`,
				func() {}, api.ClearFaults)
		})
	})
	// Nothing is wrong with the sessions of the emulated instance.
	hook.mu.Lock()
	defer hook.mu.Unlock()
	for _, n := range hook.all {
		if n.Labels["instance_id"] == emulated.ID && !slices.Contains([]string{"DcsNodeNotRead", "DcsInstanceNotRead", "DcsSessionListOld"}, n.Labels["alertname"]) {
			t.Errorf("this alert was not to be expected: %v", n.Labels)
		}
	}
}
