package dcsapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// emptyEnvironment takes away everything that a key could come from, and
// returns the home directory.
func emptyEnvironment(t *testing.T) string {
	t.Helper()
	for _, name := range []string{
		"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID", "HUAWEICLOUD_SDK_SECURITY_TOKEN",
		"HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
		"CLOUD_SDK_AK", "CLOUD_SDK_SK", "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HC_CONTAINER_CREDENTIALS_FULL_URI", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	return home
}

// writeFile writes a file of a test and returns its name.
func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// metadataAt is a transport on which the metadata service is elsewhere; "" for
// a place where nothing listens.
type metadataAt string

func (m metadataAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "169.254.169.254" {
		return plainTransport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(string(m), "http://")
	if m == "" {
		r.URL.Host = "127.0.0.1:1"
	}
	return plainTransport.RoundTrip(r)
}

var plainTransport = &http.Transport{DisableKeepAlives: true}

// metadataIs puts a handler in the place of the metadata service, nil for
// none. The SDK has its address, and the transport, to itself.
func metadataIs(t *testing.T, handler http.Handler) {
	t.Helper()
	at := metadataAt("")
	if handler != nil {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		at = metadataAt(server.URL)
	}
	before := http.DefaultTransport
	http.DefaultTransport = at
	t.Cleanup(func() { http.DefaultTransport = before })
}

// agencyKey is what the metadata service answers with.
func agencyKey(access, secret, token string, ends time.Time) string {
	return fmt.Sprintf(`{"credential":{"access":%q,"secret":%q,"securitytoken":%q,"expires_at":%q}}`,
		access, secret, token, ends.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// metadata is a metadata service.
type metadata struct {
	tokens  int    // the status of a request for a token; 0 for one that gives tokens
	token   string // the one that is wanted
	status  int    // of a request for a key, 0 for 200
	body    string
	mu      sync.Mutex
	asked   []string
	hanging chan struct{} // nil, or closed to let requests come back
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked = append(m.asked, r.Method+" "+r.URL.Path)
	m.mu.Unlock()
	if m.hanging != nil {
		select {
		case <-m.hanging:
		case <-r.Context().Done():
		}
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "PUT /meta-data/latest/api/token":
		switch {
		case m.tokens != 0:
			w.WriteHeader(m.tokens)
		case r.Header.Get("X-Metadata-Token-Ttl-Seconds") == "":
			w.WriteHeader(http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, m.token)
		}
	case "GET /openstack/latest/securitykey":
		switch {
		case r.Header.Get("X-Metadata-Token") != m.token:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(max(m.status, http.StatusOK))
			_, _ = io.WriteString(w, m.body)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// ask asks a new chain for its key.
func ask(t *testing.T, iam string, transport *http.Transport) (dcsapi.Key, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return dcsapi.NewDefaultChain(iam, transport).Key(ctx)
}

// wantKey checks a key without printing it.
func wantKey(t *testing.T, got dcsapi.Key, err error, want dcsapi.Key) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("the access key is %q, want %q; %v", got.AccessKey, want.AccessKey, err)
	}
}
