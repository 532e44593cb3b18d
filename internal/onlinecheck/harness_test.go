package onlinecheck_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"

	promconfig "github.com/prometheus/common/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

// The key of all tests. Neither part may ever be shown.
const (
	accessKey = "SECRETAK"
	secretKey = "SECRETSK"
)

// harness is an emulated API with a stopped clock, and what a check of it needs.
type harness struct {
	t      *testing.T
	api    *emulator.Server
	server *httptest.Server
	start  time.Time // the API's clock, unless it was set on
	on     atomic.Int64

	now     func() time.Time        // this machine's clock
	timeout time.Duration           // of the check
	muted   bool                    // errors have no words
	keys    func() dcsapi.KeySource // nil for the configuration's
	dir     string                  // of files that the configuration names
}

func newHarness(t *testing.T, instances ...emulator.Instance) *harness {
	t.Helper()
	h := &harness{t: t, start: time.Now().Truncate(time.Second), timeout: 20 * time.Second, dir: t.TempDir()}
	h.now = h.clock
	h.api = emulator.New(emulator.Options{Now: h.clock})
	h.api.SetKey(emulator.Key{AccessKey: accessKey, SecretKey: secretKey, Projects: []string{"project-1", "project-2"}})
	h.api.Add(instances...)
	h.server = httptest.NewServer(h.api)
	t.Cleanup(func() {
		h.api.Close()
		h.server.Close()
	})
	return h
}

// clock is the API's.
func (h *harness) clock() time.Time { return h.start.Add(time.Duration(h.on.Load())) }

// later advances the API's clock.
func (h *harness) later(d time.Duration) { h.on.Add(int64(d)) }

// yaml is the configuration of one project; instances is the rest of it.
func (h *harness) yaml(instances string) string {
	return "projects:\n" + h.project("cn-north-4", "project-1", h.server.URL) + instances
}

// project is the beginning of a project in a configuration.
func (h *harness) project(region, id, endpoint string) string {
	text := fmt.Sprintf("  - region: %s\n    endpoint: %s\n    iam_endpoint: %s\n    requests_per_second: 1000\n", region, endpoint, h.server.URL)
	if id != "" {
		text += "    project_id: " + id + "\n"
	}
	return text + fmt.Sprintf("    credentials: {access_key: %s, secret_key: %s}\n", accessKey, secretKey)
}

// limits has the limits of instances checked too; tests of other things leave that
// out.
const limits = "limits_interval: 1h\n"

// check runs a check of a configuration, and verifies that no scan was sent and
// that no secret is shown.
func (h *harness) check(yaml string) *onlinecheck.Report {
	h.t.Helper()
	return h.checkIn(h.t.Context(), yaml)
}

func (h *harness) checkIn(ctx context.Context, yaml string) *onlinecheck.Report {
	h.t.Helper()
	if !strings.Contains(yaml, limits) {
		yaml += "\nlimits_interval: 0s\n"
	}
	cfg, err := config.Parse("config.yml", []byte(yaml), h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	h.api.ResetRequests()
	keyring := new(dcsapi.Keyring)
	report, err := onlinecheck.Run(ctx, onlinecheck.Options{
		Config: cfg, ConfigFile: "config.yml", Timeout: h.timeout, Now: h.now,
		Connect: func(p config.Project, observer dcsapi.Observer) (onlinecheck.API, error) {
			o := dcsapi.Options{
				Region: p.Region, Endpoint: p.Endpoint, IAMEndpoint: p.IAMEndpoint, ProjectID: p.ProjectID, Keyring: keyring, Proxy: p.Proxy,
				MaxConcurrentRequests: p.MaxConcurrentRequests, RequestsPerSecond: p.RequestsPerSecond,
				Observer: observer, TLS: tlsOf(h.t, p.TLS),
			}
			if h.keys != nil {
				o.Keys = h.keys()
			} else {
				o.Keys = dcsapi.NewConfiguredKey(p.Credentials.AccessKey, p.Credentials.SecretKey, p.Credentials.SecurityToken)
			}
			client := dcsapi.New(o)
			client.UseInstanceIDs(p.InstanceIDs()...)
			if h.muted {
				return mutedAPI{client}, nil
			}
			return client, nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if n := h.api.Counts()["scan_clients"]; n != 0 {
		h.t.Errorf("%d scans were sent", n)
	}
	if text := h.table(report) + h.json(report); strings.Contains(text, accessKey) || strings.Contains(text, secretKey) {
		h.t.Errorf("a secret in\n%s", text)
	}
	return report
}

// tlsOf returns the TLS settings of a project.
func tlsOf(t *testing.T, c *promconfig.TLSConfig) *tls.Config {
	t.Helper()
	if c == nil {
		return nil
	}
	out, err := promconfig.NewTLSConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// scan scans nodes, as the exporter would.
func (h *harness) scan(instanceID string, nodes ...string) {
	h.t.Helper()
	client := dcsapi.New(dcsapi.Options{
		Endpoint: h.server.URL, ProjectID: "project-1", RequestsPerSecond: 1000,
		Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: accessKey}, dcsapi.Secret{Value: secretKey}, dcsapi.Secret{}),
	})
	defer client.Close()
	for _, n := range nodes {
		if _, err := client.ScanClients(h.t.Context(), instanceID, n); err != nil {
			h.t.Fatal(err)
		}
	}
}

// requests returns how many requests of an operation the last check sent.
func (h *harness) requests(operation string) int { return h.api.Counts()[operation] }

// wantRequests checks how many requests the last check sent, by operation, and
// that the report has their total.
func (h *harness) wantRequests(r *onlinecheck.Report, want map[string]int) {
	h.t.Helper()
	got, sum := h.api.Counts(), 0
	for _, n := range got {
		sum += n
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || r.Requests != sum {
		h.t.Errorf("got requests %v (%d in the report), want %v", got, r.Requests, want)
	}
}

func (h *harness) table(r *onlinecheck.Report) string {
	h.t.Helper()
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

func (h *harness) json(r *onlinecheck.Report) string {
	h.t.Helper()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		h.t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) || strings.Contains(b.String(), ": null") {
		h.t.Errorf("not good JSON:\n%s", b.String())
	}
	return b.String()
}

var (
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	requestID = regexp.MustCompile(`("request_id": "|Request id: )[0-9a-f]{32}`)
	loopback  = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// golden compares a text with a file, after shifting times to a fixed start of the
// API's clock and replacing values that differ from run to run.
func (h *harness) golden(name, got string) {
	h.t.Helper()
	origin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	got = timestamp.ReplaceAllStringFunc(got, func(s string) string {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			h.t.Fatal(err)
		}
		return origin.Add(at.Sub(h.start)).Format(time.RFC3339Nano)
	})
	got = loopback.ReplaceAllString(requestID.ReplaceAllString(got, "${1}0123456789abcdef0123456789abcdef"), "127.0.0.1:40000")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	if got != string(want) {
		h.t.Errorf("%s differs (run with -update to write it):\n%s", path, got)
	}
}

// findings returns all findings of a report.
func findings(r *onlinecheck.Report) (all []onlinecheck.Finding) {
	for _, p := range r.Projects {
		all = append(all, p.Findings...)
		for _, i := range p.Instances {
			all = append(all, i.Findings...)
			for _, n := range i.Nodes {
				all = append(all, n.Findings...)
			}
		}
	}
	return all
}

// single returns a single-node instance with sessions.
func single(id string, sessions ...emulator.Session) emulator.Instance {
	return instance(id, node("master", "redis-server", id+"-node", sessions...))
}

func instance(id string, nodes ...emulator.Node) emulator.Instance {
	return emulator.Instance{ID: id, ProjectID: "project-1", Name: id + "-name", EngineVersion: "6.0", Nodes: nodes}
}

func node(kind, role, id string, sessions ...emulator.Session) emulator.Node {
	return emulator.Node{ID: id, Name: id + "-name", Role: role, Type: kind, Sessions: emulator.Static(sessions)}
}

// plain and masked are sessions with a client's address, and without.
func plain(n int) emulator.Session {
	return emulator.Session{ID: fmt.Sprint(n), Addr: fmt.Sprintf("10.0.0.%d:4000", n), Peer: fmt.Sprintf("10.0.0.%d:4000", n), User: "u"}
}

func masked(n int) emulator.Session {
	s := plain(n)
	s.Addr = fmt.Sprintf("198.19.0.%d:4000", n)
	return s
}

// ofOne configures one instance, i1.
const ofOne = "    instances: [{id: i1}]\n"

// html is an answer that is not the API's.
func html(status int) emulator.Fault {
	return emulator.Fault{BeforeAuth: true, Status: status, Body: []byte("<html><title>Sign in</title></html>"), ContentType: "text/html", Header: http.Header{}}
}
