package dcsapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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
	"dcs_session_exporter/internal/emulator"
)

// TestAgency has the key of the machine's agency read with a token and
// without, and requests signed with it.
func TestAgency(t *testing.T) {
	for _, tt := range []struct {
		name string
		*metadata
	}{
		{"with a token", &metadata{token: "METATOKEN"}},
		{"tokens are not known", &metadata{tokens: http.StatusNotFound}},
		{"tokens are not allowed", &metadata{tokens: http.StatusMethodNotAllowed}},
		{"tokens are not ready", &metadata{tokens: http.StatusServiceUnavailable}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emptyEnvironment(t)
			tt.body = agencyKey("AGENCYAK", "AGENCYSK", "AGENCYTOKEN", time.Now().Add(24*time.Hour))
			metadataIs(t, tt.metadata)
			key, err := ask(t, "", nil)
			wantKey(t, key, err, dcsapi.Key{AccessKey: "AGENCYAK", SecretKey: "AGENCYSK", SecurityToken: "AGENCYTOKEN"})
			if len(tt.asked) != 2 {
				t.Errorf("asked for %v", tt.asked)
			}
			api := newEmulator()
			api.SetKey(emulator.Key{AccessKey: "AGENCYAK", SecretKey: "AGENCYSK", SecurityToken: "AGENCYTOKEN", Projects: []string{"project-1"}})
			c := newClient(t, api, func(o *dcsapi.Options) { o.Keys = dcsapi.NewDefaultChain("", nil); o.ProjectID = "" })
			if list, err := c.ListInstances(t.Context()); err != nil || len(list) != 1 {
				t.Errorf("%d instances, %v", len(list), err)
			}
		})
	}
}

// TestPodIdentity has the key of the pod's identity read, with what the token's
// file holds at that time.
func TestPodIdentity(t *testing.T) {
	emptyEnvironment(t)
	metadataIs(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || string(body) != "{}" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		name := r.Header.Get("Authorization")
		fmt.Fprintf(w, `{"credentials":{"accessKeyId":"AK-%s","secretAccessKey":"SK","securityToken":"T","expiration":%q}}`, name, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", server.URL+"/credentials")
	file := filepath.Join(t.TempDir(), "token")
	t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)
	writeFile(t, file, "one\n")
	source := dcsapi.NewDefaultChain("", nil)
	one, err := source.Key(t.Context())
	wantKey(t, one, err, dcsapi.Key{AccessKey: "AK-one", SecretKey: "SK", SecurityToken: "T"})
	writeFile(t, file, "two\n")
	two, err := source.Renew(t.Context(), one)
	wantKey(t, two, err, dcsapi.Key{AccessKey: "AK-two", SecretKey: "SK", SecurityToken: "T"})
}

// iam is an IAM that gives keys for identity tokens.
type iam struct {
	idp, idToken string
	status       int    // of the first answer, 0 for success
	credential   string // the second answer, "" for a good one
}

func (s *iam) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Auth struct {
			IDToken struct {
				ID string `json:"id"`
			} `json:"id_token"`
			Identity struct {
				Methods []string
				Token   struct {
					ID       string `json:"id"`
					Duration int    `json:"duration_seconds"`
				}
			}
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	w.Header().Set("X-Request-Id", "iam-1")
	switch r.URL.Path {
	case "/v3.0/OS-AUTH/id-token/tokens":
		switch {
		case s.status != 0:
			w.WriteHeader(s.status)
			fmt.Fprintf(w, `{"error_code":"IAM.0011","error_msg":"no: %s"}`, body.Auth.IDToken.ID)
		case r.Header.Get("X-Idp-Id") != s.idp || body.Auth.IDToken.ID != s.idToken:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"code":401,"message":"no: %s","title":"Unauthorized"}}`, body.Auth.IDToken.ID)
		default:
			w.Header().Set("X-Subject-Token", "SUBJECT")
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":{"expires_at":%q,"methods":["mapped"]}}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}
	case "/v3.0/OS-CREDENTIAL/securitytokens":
		if s.credential != "" {
			_, _ = io.WriteString(w, s.credential)
			return
		}
		if t := body.Auth.Identity.Token; t.ID != "SUBJECT" || len(body.Auth.Identity.Methods) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, agencyKey("IDPAK", "IDPSK", "IDPTOKEN", time.Now().Add(6*time.Hour)))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestIdentityProvider has IAM give keys for an identity token, from the
// environment and from a profile, over a TLS configuration that the client
// uses at the same time.
func TestIdentityProvider(t *testing.T) {
	home := emptyEnvironment(t)
	api := newEmulator()
	api.SetKey(emulator.Key{AccessKey: "IDPAK", SecretKey: "IDPSK", SecurityToken: "IDPTOKEN", Projects: []string{"project-1"}})
	mux := http.NewServeMux()
	mux.Handle("/v3.0/", &iam{idp: "idp-1", idToken: "IDTOKEN"})
	mux.Handle("/", api)
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	config := &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	file := writeFile(t, filepath.Join(t.TempDir(), "idtoken"), "IDTOKEN\n")
	use := func(t *testing.T, iamEndpoint string) {
		transport := dcsapi.NewTransport(nil, config, 2)
		defer transport.CloseIdleConnections()
		client := newClient(t, api, func(o *dcsapi.Options) {
			o.Endpoint, o.IAMEndpoint, o.TLS, o.Keys = server.URL, server.URL, config, dcsapi.NewDefaultChain(iamEndpoint, transport)
		})
		static := newClient(t, api, func(o *dcsapi.Options) { o.Endpoint, o.TLS = server.URL, config })
		var wait sync.WaitGroup
		for _, c := range []*dcsapi.Client{client, static} {
			for range 4 {
				wait.Go(func() {
					if list, err := c.ListInstances(t.Context()); err != nil || len(list) != 1 {
						t.Errorf("%d instances, %v", len(list), err)
					}
				})
			}
		}
		wait.Wait()
	}
	t.Run("profile", func(t *testing.T) {
		writeFile(t, filepath.Join(home, ".huaweicloud", "credentials"), "[basic]\nidp_id = idp-1\nid_token_file = "+file+"\niam_endpoint = "+server.URL+"\n")
		use(t, "https://127.0.0.1:1")
	})
	t.Run("environment", func(t *testing.T) {
		t.Setenv("HUAWEICLOUD_SDK_IDP_ID", "idp-1")
		t.Setenv("HUAWEICLOUD_SDK_ID_TOKEN_FILE", file)
		use(t, server.URL)
	})
}

// TestHangingMetadata checks that a metadata service that does not answer holds
// nobody up beyond their deadlines, and is named.
func TestHangingMetadata(t *testing.T) {
	emptyEnvironment(t)
	service := &metadata{hanging: make(chan struct{})}
	metadataIs(t, service)
	source := dcsapi.NewDefaultChain("", nil)
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := source.Key(ctx)
			if dcsapi.ReasonOf(err) != dcsapi.ReasonTimeout || !strings.Contains(err.Error(), "agency of the machine (metadata service at 169.254.169.254): no response before the deadline") {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	_, err := source.Key(t.Context()) // has time
	if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth || !strings.Contains(err.Error(), "metadata service at 169.254.169.254): no response in time; identity of the pod") {
		t.Errorf("got %v", err)
	}
	if service.mu.Lock(); len(service.asked) != 1 {
		t.Errorf("asked %v: those who wait do not share", service.asked)
	}
	service.mu.Unlock()
}

// TestProxyForMetadata checks, in a process of its own, since net/http looks at
// the environment once, that a proxy between the machine and its metadata
// service is named.
func TestProxyForMetadata(t *testing.T) {
	if os.Getenv("HTTP_PROXY") != "" {
		_, err := ask(t, "", nil)
		t.Fatal(err) // for the parent to read
	}
	emptyEnvironment(t)
	output := child(t, "HTTP_PROXY=http://user:SECRET@127.0.0.1:1")
	if !strings.Contains(output, "put 169.254.169.254 into NO_PROXY") || strings.Contains(strings.ReplaceAll(output, "HW_SECRET_KEY", ""), "SECRET") {
		t.Errorf("got %s", output)
	}
}

// TestRegions checks, likewise, what is said of a region whose endpoint comes
// from the SDK's own settings.
func TestRegions(t *testing.T) {
	if os.Getenv("CHILD") != "" {
		endpoint, err := dcsapi.Endpoint("cn-north-4")
		_, again := dcsapi.Endpoint("cn-north-4")
		t.Fatal(endpoint, err, again)
	}
	home := emptyEnvironment(t)
	dir := t.TempDir()
	for _, tt := range []struct{ name, variable, says string }{
		{"none", "HOME=" + home, "https://dcs.cn-north-4.myhuaweicloud.com"},
		{"no home", "HOME=", "https://dcs.cn-north-4.myhuaweicloud.com"},
		{"a file", "HUAWEICLOUD_SDK_REGIONS_FILE=" + writeFile(t, filepath.Join(dir, "a"), "DCS:\n  - id: cn-north-4\n    endpoint: https://dcs.example\n"), "https://dcs.example <nil>"},
		{"a bad file", "HUAWEICLOUD_SDK_REGIONS_FILE=" + writeFile(t, filepath.Join(dir, "b"), "{SECRET"), "malformed: correct or remove it, or set endpoint to the base URL of the region's DCS API cannot be looked up"},
		{"in the clear", "HUAWEICLOUD_SDK_REGION_DCS_CN_NORTH_4=http://dcs.example", "must begin with https://"},
		{"no URL", "HUAWEICLOUD_SDK_REGION_DCS_CN_NORTH_4=dcs.example", "which is not a base URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output := child(t, tt.variable)
			if !strings.Contains(output, tt.says) || strings.Contains(strings.ReplaceAll(output, "HW_SECRET_KEY", ""), "SECRET") {
				t.Errorf("got %s", output)
			}
		})
	}
}

// TestProfileProject checks that the project that a profile names is used.
func TestProfileProject(t *testing.T) {
	home := emptyEnvironment(t)
	writeFile(t, filepath.Join(home, ".huaweicloud", "credentials"), "[basic]\nak = AK\nsk = SK\nproject_id = project-1\n")
	api := newEmulator()
	c := newClient(t, api, func(o *dcsapi.Options) { o.Keys = dcsapi.NewDefaultChain("", nil); o.ProjectID = "" })
	list, err := c.ListInstances(t.Context())
	if err != nil || len(list) != 1 || c.KnownProjectID() != "project-1" || len(api.Requests()) != 1 {
		t.Errorf("%d instances after %d requests, %v", len(list), len(api.Requests()), err)
	}
}
