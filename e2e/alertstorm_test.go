package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// The projects of the storms: each has a key of its own.
const (
	calmProject   = "11111111111111111111111111111111"
	stormyProject = "22222222222222222222222222222222"
)

// storm is all that there is between the API and who is on call, with time that
// goes by sixty times faster: rules, Alertmanager's route and the inhibitions.
type storm struct {
	api        *emulator.Server
	hook       *webhook
	prometheus *harness.Prometheus
	config     string // path of the exporter's
	keys       string // folder with the stormy project's key
}

// hour is how long an hour is in a storm.
const hour = time.Hour / faster

// stormyInstance returns an instance of a project, with one node.
func stormyInstance(project string, n int, sessions emulator.Source) emulator.Instance {
	id := fmt.Sprintf("%s-%d", project[:4], n)
	return emulator.Instance{
		ID: id, ProjectID: project, Name: "name-" + id, EngineVersion: "7.0",
		Nodes: []emulator.Node{{ID: "node-" + id, Name: "node-name-" + id, Role: "redis-server", Type: "master", Sessions: sessions}},
	}
}

// hoarder is a node's sessions, one of which leaves answers unread.
var hoarder = emulator.Static{{ID: "7", Addr: "10.0.0.7:5", Flags: "N", User: "feed", DB: "0", Events: "rw", OMem: 100 << 20}}

// prepareStorm starts the API with instances of both projects, and writes the
// configuration of an exporter that reads them.
func prepareStorm(t *testing.T, instances ...emulator.Instance) *storm {
	t.Helper()
	s := &storm{keys: t.TempDir(), hook: startWebhook(t)}
	api, url := harness.ServeAPI(t, emulator.Options{}, instances...)
	s.api = api
	config := ""
	for _, project := range []string{calmProject, stormyProject} {
		read := ""
		for _, i := range instances {
			if i.ProjectID == project {
				read += "{id: " + i.ID + "}, "
			}
		}
		if read == "" {
			continue
		}
		config += fmt.Sprintf("  - {region: cn-north-4, project_id: %s, endpoint: '%s', iam_endpoint: '%s',\n     credentials: {access_key_file: %s, secret_key_file: %s}, instances: [%s]}\n",
			project, url, url, filepath.Join(s.keys, project, "access"), filepath.Join(s.keys, project, "secret"), read)
		if err := os.Mkdir(filepath.Join(s.keys, project), 0o700); err != nil {
			t.Fatal(err)
		}
		s.setKey(t, project, "FIRST"+project)
	}
	s.config = harness.Write(t, t.TempDir(), "config.yml", "projects:\n"+config+scanned)
	return s
}

// setKey gives a project a key that works, in the API and in the files.
func (s *storm) setKey(t *testing.T, project, accessKey string) {
	t.Helper()
	s.api.SetKey(emulator.Key{AccessKey: accessKey, SecretKey: "secret", Projects: []string{project}})
	for file, text := range map[string]string{"secret": "secret", "access": accessKey} {
		if err := os.WriteFile(filepath.Join(s.keys, project, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// start starts an exporter, and waits until it has read a node: who watches it
// from then on sees no trouble at first.
func (s *storm) start(t *testing.T, args ...string) *harness.Exporter {
	t.Helper()
	exporter := harness.StartExporter(t, append(args, "--config.file="+s.config)...)
	harness.Await(t, "a node being read", func() bool {
		for _, path := range []string{"/metrics", "/probe?target=" + stormyProject[:4] + "-1"} {
			if _, _, page := exporter.Get(t, path, nil); bytes.Contains(page, []byte("\ndcs_node_up{")) && !bytes.Contains(page, []byte("dcs_node_error{")) {
				return true
			}
		}
		return false
	})
	return exporter
}

// watch starts Alertmanager and Prometheus, with scrape configurations. The
// route is that of deploy/demo, in as many seconds as it has minutes.
func (s *storm) watch(t *testing.T, scrapeConfigs string) {
	t.Helper()
	alertmanager := harness.StartAlertmanager(t, fmt.Sprintf(`
route: {receiver: hook, group_by: [alertname, project_id, instance_id], group_wait: 500ms, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '%s', send_resolved: true}]}]
%s`, s.hook.URL, read(t, inhibitionFile)))
	rules := harness.Write(t, t.TempDir(), "alerts.yml", hasten(t, loadRules(t, alertFile), faster).marshal(t))
	s.prometheus = harness.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%s]
alerting: {alertmanagers: [{static_configs: [{targets: ['%s']}]}]}
scrape_configs:
%s`, rules, alertmanager.Address, scrapeConfigs))
}

// scrapeOne is the scrape configuration of a single exporter.
func scrapeOne(address string) string {
	return fmt.Sprintf("  - {job_name: mon-dcs-session-exporter, static_configs: [{targets: ['%s']}]}\n", address)
}

// told waits until somebody has been told something, and checks that nobody
// has been told anything else.
func (s *storm) told(t *testing.T, want ...string) {
	t.Helper()
	harness.Await(t, strings.Join(want, ", "), func() bool { return len(s.hook.told()) >= len(want) })
	s.quiet(t, 0, want...)
}

// quiet checks that for a time nobody is told more than has been told.
func (s *storm) quiet(t *testing.T, during time.Duration, want ...string) {
	t.Helper()
	time.Sleep(during)
	if got := s.hook.told(); !slices.Equal(got, want) {
		for _, series := range s.prometheus.Points(t, `ALERTS{alertstate="firing"}[5m]`) {
			first, last := series.Values[0].Timestamp.Time(), series.Values[len(series.Values)-1].Timestamp.Time()
			t.Logf("%v fired for %s, until %s ago", series.Metric, last.Sub(first), time.Since(last))
		}
		t.Fatalf("on call one was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAlertStorm counts the messages of incidents: one for each cause, one for
// its end, none that says that something is over which nobody can see.
//
// It does not run beside other tests: they would slow it down, and it them.
func TestAlertStorm(t *testing.T) {
	const before = "firing DcsSlowReader"
	// All at once, however few processors there are: they mostly wait.
	var storms sync.WaitGroup
	defer storms.Wait()
	run := func(name string, storm func(t *testing.T)) { storms.Go(func() { t.Run(name, storm) }) }
	run("exporter killed", func(t *testing.T) {
		s := prepareStorm(t, stormyInstance(stormyProject, 1, hoarder), stormyInstance(stormyProject, 2, emulator.Static(sessionsOf(5, 1))))
		address := fmt.Sprintf("--web.listen-address=127.0.0.1:%d", harness.FreePort(t))
		exporter := s.start(t, address)
		s.watch(t, scrapeOne(exporter.Address))
		s.told(t, before)

		exporter.Kill(t)
		s.told(t, before, "firing DcsNothingRead")
		// For longer than the alert on the session would go on by itself.
		s.quiet(t, hour*30/60, before, "firing DcsNothingRead")

		harness.StartExporter(t, "--config.file="+s.config, address)
		s.told(t, before, "firing DcsNothingRead", "resolved DcsNothingRead")
		s.quiet(t, hour*2/60, before, "firing DcsNothingRead", "resolved DcsNothingRead")
	})
	run("key revoked", func(t *testing.T) {
		instances := []emulator.Instance{stormyInstance(calmProject, 0, emulator.Static(sessionsOf(5, 1))), stormyInstance(stormyProject, 0, hoarder)}
		for n := range 5 {
			instances = append(instances, stormyInstance(stormyProject, 1+n, emulator.Static(sessionsOf(5, 1))))
		}
		s := prepareStorm(t, instances...)
		exporter := s.start(t)
		s.watch(t, scrapeOne(exporter.Address))
		s.told(t, before)

		s.api.RemoveKey("FIRST" + stormyProject)
		s.told(t, before, "firing DcsKeyRefused")
		s.quiet(t, hour*25/60, before, "firing DcsKeyRefused")

		s.setKey(t, stormyProject, "SECOND"+stormyProject)
		s.told(t, before, "firing DcsKeyRefused", "resolved DcsKeyRefused")
		s.quiet(t, hour*2/60, before, "firing DcsKeyRefused", "resolved DcsKeyRefused")
	})
	run("every key revoked", func(t *testing.T) {
		s := prepareStorm(t, stormyInstance(stormyProject, 1, hoarder), stormyInstance(stormyProject, 2, emulator.Static(sessionsOf(5, 1))))
		exporter := s.start(t)
		s.watch(t, scrapeOne(exporter.Address))
		s.told(t, before)

		s.api.RemoveKey("FIRST" + stormyProject)
		s.told(t, before, "firing DcsNothingRead")
		s.quiet(t, hour*25/60, before, "firing DcsNothingRead")

		s.setKey(t, stormyProject, "SECOND"+stormyProject)
		s.told(t, before, "firing DcsNothingRead", "resolved DcsNothingRead")
		s.quiet(t, hour*2/60, before, "firing DcsNothingRead", "resolved DcsNothingRead")
	})
	run("flapping reader", func(t *testing.T) {
		s := prepareStorm(t, stormyInstance(stormyProject, 1, flapping{}), stormyInstance(stormyProject, 2, emulator.Static(sessionsOf(5, 1))))
		exporter := s.start(t)
		s.watch(t, scrapeOne(exporter.Address))
		s.told(t, before)
		s.quiet(t, hour*40/60, before)
	})
	run("throttled project", func(t *testing.T) {
		instances := []emulator.Instance{stormyInstance(calmProject, 0, emulator.Static(sessionsOf(5, 1))), stormyInstance(stormyProject, 0, hoarder)}
		for n := range 5 {
			instances = append(instances, stormyInstance(stormyProject, 1+n, emulator.Static(sessionsOf(5, 1))))
		}
		s := prepareStorm(t, instances...)
		address := fmt.Sprintf("--web.listen-address=127.0.0.1:%d", harness.FreePort(t))
		exporter := s.start(t, address)
		s.watch(t, scrapeOne(exporter.Address))
		s.told(t, before)

		for _, i := range instances[1:] {
			s.api.AddFault(emulator.Fault{InstanceID: i.ID, Status: http.StatusTooManyRequests, Code: "APIGW.0308", Message: "throttled", Header: http.Header{"Retry-After": {"1"}}})
		}
		s.told(t, before, "firing DcsThrottled")
		s.quiet(t, hour*25/60, before, "firing DcsThrottled")

		// The exporter's pace recovers in minutes, which are not sped up; a new one
		// has its full pace.
		s.api.ClearFaults()
		exporter.Kill(t)
		harness.StartExporter(t, "--config.file="+s.config, address)
		s.told(t, before, "firing DcsThrottled", "resolved DcsThrottled")
		s.quiet(t, hour*2/60, before, "firing DcsThrottled", "resolved DcsThrottled")
	})
	run("one of a sharded fleet's exporters dead", func(t *testing.T) {
		var instances []emulator.Instance
		for n := range 6 {
			instances = append(instances, stormyInstance(stormyProject, n, hoarder))
		}
		s := prepareStorm(t, instances...)
		s.config = harness.Write(t, t.TempDir(), "config.yml", read(t, s.config)+"metrics_endpoint: exporter\n")
		addresses := []string{fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t)), fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))}
		exporters := []*harness.Exporter{}
		for _, address := range addresses {
			exporters = append(exporters, s.start(t, "--web.listen-address="+address))
		}
		// Each reads every second instance.
		config := fmt.Sprintf("  - {job_name: dcs_session_exporter, static_configs: [{targets: ['%s', '%s']}]}\n  - job_name: dcs_sessions\n    metrics_path: /probe\n    static_configs:\n", addresses[0], addresses[1])
		warm := []string{}
		for n, i := range instances {
			config += fmt.Sprintf("      - {targets: ['%s'], labels: {__param_target: %s, instance: %s}}\n", addresses[n%2], i.ID, i.ID)
			warm = append(warm, before)
		}
		s.watch(t, config)
		s.told(t, warm...)

		exporters[1].Kill(t)
		incident := append(slices.Clone(warm), "firing DcsExporterDown")
		s.told(t, incident...)
		s.quiet(t, hour*30/60, incident...)

		harness.StartExporter(t, "--config.file="+s.config, "--web.listen-address="+addresses[1])
		incident = append(incident, "resolved DcsExporterDown")
		s.told(t, incident...)
		s.quiet(t, hour*2/60, incident...)
	})
}

// flapping is a source with a session that reads too slowly, for three minutes
// of every four in a storm's time.
type flapping struct{}

func (flapping) Sessions(_ context.Context, now time.Time) (sessions []emulator.Session, raw string, err error) {
	sessions = slices.Clone(hoarder)
	if now.UnixMilli()/1000%4 == 0 {
		sessions[0].OMem = 0
	}
	return sessions, "", nil
}
