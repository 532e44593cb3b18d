package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/emulator"

	"github.com/go-kit/log"
)

// list connects as configured and lists the instances.
func list(t *testing.T, endpoint, lines, dir string) error {
	t.Helper()
	text := fmt.Sprintf("projects:\n  - region: cn-north-4\n    project_id: p1\n    endpoint: %s\n    credentials: {access_key: AK, secret_key: SK}\n    instances: [{id: i1}]\n%s", endpoint, lines)
	cfg, err := config.Parse("c.yml", []byte(text), dir)
	if err != nil {
		t.Fatal(err)
	}
	c := clients{logger: log.NewNopLogger()}
	projects, _, err := c.connect(cfg, exposition.NewSelfMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	found, err := projects[0].API.ListInstances(ctx)
	if err == nil && len(found) != 1 {
		t.Errorf("%d instances, want 1", len(found))
	}
	return err
}

func newAPI() http.Handler {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"p1"}})
	api.Add(emulator.Instance{ID: "i1", ProjectID: "p1"})
	return api
}

// TestTLS checks that the endpoint's certificate is verified, against the
// configured authority if there is one.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(newAPI())
	defer server.Close()
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := list(t, server.URL, "    tls_config: {ca_file: ca.pem}\n", dir); err != nil {
		t.Errorf("with the CA: %v", err)
	}
	err := list(t, server.URL, "", dir)
	if dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || !strings.Contains(err.Error(), "tls_config.ca_file") {
		t.Errorf("without the CA: %v", err)
	}
	plain := httptest.NewServer(newAPI())
	defer plain.Close()
	err = list(t, strings.Replace(plain.URL, "http://", "https://", 1), "", dir)
	if dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("TLS to a plain port: %v", err)
	}
}

// TestProxy checks that requests go through the configured proxy, and that errors
// about it do not contain its password.
func TestProxy(t *testing.T) {
	server := httptest.NewServer(newAPI())
	defer server.Close()
	var through atomic.Int64
	refuse := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		through.Add(1)
		target, _ := url.Parse(server.URL)
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host }}).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	lines := "    proxy_url: " + strings.Replace(proxy.URL, "http://", "http://user:SECRET@", 1) + "\n"
	if err := list(t, server.URL, lines, "."); err != nil || through.Load() != 1 {
		t.Errorf("%d requests went through the proxy, %v", through.Load(), err)
	}
	refuse = true
	err := list(t, server.URL, lines, ".")
	if dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
	err = list(t, "https://dcs.example", lines, ".")
	if dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || !strings.Contains(err.Error(), "proxy_url") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("CONNECT refused: %v", err)
	}
	proxy.Close()
	if err := list(t, server.URL, lines, "."); dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("no proxy there: %v", err)
	}
}

// TestEnableSessions checks that the flag enables the live table, that the web
// configuration's authentication protects it, and that it is no longer shown once
// that is removed.
func TestEnableSessions(t *testing.T) {
	_, config := newReloadable(t)
	text := config("SECRETSK", "", "i1")

	plain := serveFileAt(t, text, "127.0.0.1:0")
	if status, body := plain.request(http.MethodGet, "/sessions"); status != http.StatusNotFound || !strings.Contains(body, "--web.enable-sessions") {
		t.Errorf("without the flag: %d\n%s", status, body)
	}

	// The password is "password".
	users := write(t, "basic_auth_users: {somebody: $2a$04$iRneAlpRJOKgK4YuzDxjqepeE6E8eiv1K2l8WIhCNYuGkXxpHvKou}\n")
	r := serveFileAt(t, text, "127.0.0.1:0", "--web.enable-sessions", "--web.config.file="+users)
	as := func(user string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/sessions", strings.NewReader("instance=i1&node=node-i1"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if user != "" {
			req.SetBasicAuth(user, "password")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, _ := as(""); status != http.StatusUnauthorized {
		t.Errorf("a stranger gets %d", status)
	}
	if status, body := as("somebody"); status != http.StatusOK || !strings.Contains(body, "Sessions 1 to 1 of 1") {
		t.Errorf("%d\n%s", status, body)
	}
	if log := r.log.String(); !strings.Contains(log, `msg="new session list requested from the page" instance_id=i1 node_id=node-i1 user=somebody`) {
		t.Errorf("the log does not tell:\n%s", log)
	}
	if err := os.WriteFile(users, []byte("basic_auth_users: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _ := r.request(http.MethodGet, "/sessions"); status != http.StatusOK {
		t.Errorf("on loopback nobody needs to authenticate: %d", status)
	}
}
