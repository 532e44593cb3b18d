package dcsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clearEnvironment takes everything away in which the chain would find a key.
func clearEnvironment(t *testing.T) (home string) {
	t.Helper()
	for _, name := range os.Environ() {
		name, _, _ = strings.Cut(name, "=")
		if strings.HasPrefix(name, "HUAWEICLOUD_SDK_") || strings.HasPrefix(name, "CLOUD_SDK_") || strings.HasPrefix(name, "HC_CONTAINER_") {
			t.Setenv(name, "")
		}
	}
	home = t.TempDir()
	t.Setenv("HOME", home)
	return home
}

// redirect sends requests to one host to another, as http.DefaultTransport.
type redirect struct {
	t        *testing.T
	from, to string
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == r.from {
		to, err := url.Parse(r.to)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.URL.Scheme, req.URL.Host = to.Scheme, to.Host
	}
	return plain.RoundTrip(req)
}

var plain = &http.Transport{DisableKeepAlives: true}

// metadata is a stand-in for the metadata service of a machine.
type metadata struct {
	mu        sync.Mutex
	tokens    bool          // it wants a token of its own
	status    int           // of the answer for the key, 200 if 0
	body      string        // instead of a key
	life      time.Duration // of a key
	handedOut int           // keys
	hang      chan struct{} // requests wait for it
	onKey     func(Key)     // told of each key
}

// startMetadata puts a stand-in in place of the machine's metadata service: its
// address stands in an internal package of the SDK.
func startMetadata(t *testing.T, m *metadata) *metadata {
	t.Helper()
	server := httptest.NewServer(m)
	before := http.DefaultTransport
	http.DefaultTransport = redirect{t, "169.254.169.254", server.URL}
	t.Cleanup(func() {
		http.DefaultTransport = before
		server.Close()
	})
	return m
}

func (m *metadata) change(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang != nil {
		select {
		case <-m.hang:
		case <-r.Context().Done():
		}
		return
	}
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/meta-data/latest/api/token":
		if !m.tokens || r.Header.Get("X-Metadata-Token-Ttl-Seconds") == "" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		_, _ = w.Write([]byte("metadata-token"))
	case r.Method == http.MethodGet && r.URL.Path == "/openstack/latest/securitykey":
		switch {
		case m.tokens && r.Header.Get("X-Metadata-Token") != "metadata-token":
			w.WriteHeader(http.StatusUnauthorized)
		case m.status != 0 || m.body != "":
			w.WriteHeader(max(m.status, http.StatusOK))
			_, _ = w.Write([]byte(m.body))
		default:
			m.handedOut++
			k := Key{AccessKey: fmt.Sprintf("AK%d", m.handedOut), SecretKey: "SECRET", SecurityToken: fmt.Sprintf("TOKEN%d", m.handedOut)}
			if m.onKey != nil {
				m.onKey(k)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"credential": map[string]string{
				"access": k.AccessKey, "secret": k.SecretKey, "securitytoken": k.SecurityToken, "expires_at": time.Now().Add(m.life).UTC().Format("2006-01-02T15:04:05.000000Z"),
			}})
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// firstKey returns what a new chain finds.
func firstKey(t *testing.T, within time.Duration, iam string) (Key, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return NewDefaultChain(iam, plain, func(err error) { t.Error(err) }).Key(ctx)
}

func wantKey(t *testing.T, got Key, err error, access, secret, token, project string) {
	t.Helper()
	if want := (Key{access, secret, token, project}); err != nil || got != want {
		t.Errorf("got %q %q %q %q, %v; want %q %q %q %q", got.AccessKey, got.SecretKey, got.SecurityToken, got.ProjectID, err, access, secret, token, project)
	}
}

// TestAgency takes the key of the machine's agency, from a metadata service of
// either kind.
func TestAgency(t *testing.T) {
	for _, tokens := range []bool{true, false} {
		t.Run(fmt.Sprintf("tokens %v", tokens), func(t *testing.T) {
			clearEnvironment(t)
			startMetadata(t, &metadata{tokens: tokens, life: 24 * time.Hour})
			key, err := firstKey(t, 5*time.Second, "")
			wantKey(t, key, err, "AK1", "SECRET", "TOKEN1", "")
		})
	}
}

// TestNoKeyAnywhere checks what is said of each source when none has a key.
func TestNoKeyAnywhere(t *testing.T) {
	for name, tt := range map[string]struct {
		service *metadata
		want    string
	}{
		"no agency":       {&metadata{status: 401, body: "Please configure Cloud Service Agency first, SECRET"}, "agency (metadata service): this machine has no agency"},
		"another refusal": {&metadata{status: 403, body: "SECRET"}, "agency (metadata service): answered HTTP 403"},
		"not a key":       {&metadata{body: `{"credential": "SECRET"}`}, "agency (metadata service): not usable"},
		"half a key":      {&metadata{body: `{"credential": {"access": "SECRET"}}`}, "agency (metadata service): not usable"},
	} {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			startMetadata(t, tt.service)
			_, err := firstKey(t, 5*time.Second, "")
			if ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SECRET") {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			for _, source := range []string{"HUAWEICLOUD_SDK_AK", "CLOUD_SDK_AK", "~/.huaweicloud/credentials): no such file", "pod identity: not set"} {
				if !strings.Contains(err.Error(), source) {
					t.Errorf("%s is not mentioned in %v", source, err)
				}
			}
		})
	}
}

// TestMetadataHangs checks that a metadata service that does not answer keeps
// nobody waiting beyond their own time.
func TestMetadataHangs(t *testing.T) {
	clearEnvironment(t)
	hang := make(chan struct{})
	defer close(hang)
	startMetadata(t, &metadata{hang: hang})
	start := time.Now()
	_, err := firstKey(t, 300*time.Millisecond, "")
	if took := time.Since(start); ReasonOf(err) != ReasonTimeout || took > 2*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	_, err = firstKey(t, 20*time.Second, "")
	if ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "agency (metadata service): no answer") {
		t.Errorf("with time enough: %v", err)
	}
}

// TestHomes checks what is said of profile files that cannot be used.
func TestHomes(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, home string)
		want    string
	}{
		"no home":    {func(t *testing.T, _ string) { t.Setenv("HOME", "") }, "profile file (~/.huaweicloud/credentials): HOME is not set"},
		"no file":    {func(*testing.T, string) {}, "profile file (~/.huaweicloud/credentials): no such file"},
		"no profile": {func(t *testing.T, home string) { profile(t, home, "[global]\nak = A\n") }, "profile file (~/.huaweicloud/credentials): it lacks ak and sk under [basic]"},
		"rubbish":    {func(t *testing.T, home string) { profile(t, home, "SECRET\x00[[\n") }, "profile file (~/.huaweicloud/credentials): not usable"},
		"half a key": {func(t *testing.T, home string) { profile(t, home, "[basic]\nak = SECRET\n") }, "profile file (~/.huaweicloud/credentials): it lacks ak and sk under [basic]"},
		"a folder": {func(t *testing.T, home string) {
			if err := os.MkdirAll(filepath.Join(home, ".huaweicloud", "credentials"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "profile file (~/.huaweicloud/credentials): not usable"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.prepare(t, clearEnvironment(t))
			startMetadata(t, &metadata{status: 404})
			_, err := firstKey(t, 5*time.Second, "")
			if ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	t.Run("read only", func(t *testing.T) {
		home := clearEnvironment(t)
		profile(t, home, "[basic]\nak = A\nsk = S\nsecurity_token = T\nproject_id = P\n")
		if err := os.Chmod(home, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(home, 0o700) })
		key, err := firstKey(t, 5*time.Second, "")
		wantKey(t, key, err, "A", "S", "T", "P")
	})
	t.Run("elsewhere", func(t *testing.T) {
		home := clearEnvironment(t)
		profile(t, home, "[basic]\nak = A\nsk = S\n")
		t.Setenv("HOME", "/nonexistent")
		t.Setenv("HUAWEICLOUD_SDK_CREDENTIALS_FILE", filepath.Join(home, ".huaweicloud", "credentials"))
		key, err := firstKey(t, 5*time.Second, "")
		wantKey(t, key, err, "A", "S", "", "")
	})
}

// profile writes a profile file.
func profile(t *testing.T, home, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, ".huaweicloud"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".huaweicloud", "credentials"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPodIdentity takes the key that a pod's identity stands for.
func TestPodIdentity(t *testing.T) {
	home := clearEnvironment(t)
	startMetadata(t, &metadata{status: 404})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "pod-token" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("SECRET"))
			return
		}
		_, _ = w.Write([]byte(`{"credentials": {"accessKeyId": "PA", "secretAccessKey": "PS", "securityToken": "PT", "expiration": "2099-01-02T15:04:05Z"}}`))
	}))
	defer server.Close()
	token := filepath.Join(home, "token")
	if err := os.WriteFile(token, []byte("pod-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
	t.Setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
	key, err := firstKey(t, 5*time.Second, "")
	wantKey(t, key, err, "PA", "PS", "PT", "")
	if err := os.WriteFile(token, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = firstKey(t, 5*time.Second, ""); ReasonOf(err) != ReasonAuth || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "pod identity: not usable") {
		t.Errorf("with a bad token: %v", err)
	}
}

// TestIdentityProvider exchanges an identity token for a key at IAM.
func TestIdentityProvider(t *testing.T) {
	home := clearEnvironment(t)
	startMetadata(t, &metadata{status: 404})
	refuse, token := false, `{"token": {"expires_at": "2099-01-02T15:04:05.000000Z"}}`
	iam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Auth struct {
				IDToken struct {
					ID string `json:"id"`
				} `json:"id_token"`
				Identity struct {
					Token struct {
						ID string `json:"id"`
					} `json:"token"`
				} `json:"identity"`
			} `json:"auth"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch {
		case refuse:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"code":401,"message":"SECRET"}}`))
		case r.URL.Path == "/v3.0/OS-AUTH/id-token/tokens" && r.Header.Get("X-Idp-Id") == "my-idp" && body.Auth.IDToken.ID == "identity":
			w.Header().Set("X-Subject-Token", "subject")
			w.Header().Set("X-Request-Id", "1")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(token))
		case r.URL.Path == "/v3.0/OS-CREDENTIAL/securitytokens" && body.Auth.Identity.Token.ID == "subject":
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"credential": {"access": "IA", "secret": "IS", "securitytoken": "IT", "expires_at": "2099-01-02T15:04:05.000000Z"}}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer iam.Close()
	file := filepath.Join(home, "id-token")
	if err := os.WriteFile(file, []byte("identity\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HUAWEICLOUD_SDK_IDP_ID", "my-idp")
	t.Setenv("HUAWEICLOUD_SDK_ID_TOKEN_FILE", file)
	t.Setenv("HUAWEICLOUD_SDK_PROJECT_ID", "project-1")
	key, err := firstKey(t, 5*time.Second, iam.URL)
	wantKey(t, key, err, "IA", "IS", "IT", "project-1")
	token = `{}`
	if _, err = firstKey(t, 5*time.Second, iam.URL); ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "HUAWEICLOUD_SDK_SK): not usable") {
		t.Errorf("with an answer that the SDK panics on: %v", err)
	}
	refuse = true
	if _, err = firstKey(t, 5*time.Second, iam.URL); ReasonOf(err) != ReasonAuth || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "answered HTTP 401") {
		t.Errorf("with a bad identity: %v", err)
	}
}

// TestOrderOfSources checks which of several sources wins.
func TestOrderOfSources(t *testing.T) {
	home := clearEnvironment(t)
	startMetadata(t, &metadata{life: 24 * time.Hour})
	key, err := firstKey(t, 5*time.Second, "")
	wantKey(t, key, err, "AK1", "SECRET", "TOKEN1", "")
	profile(t, home, "[basic]\nak = PA\nsk = PS\n")
	key, err = firstKey(t, 5*time.Second, "")
	wantKey(t, key, err, "PA", "PS", "", "")
	t.Setenv("CLOUD_SDK_AK", "CA")
	t.Setenv("CLOUD_SDK_SK", "CS")
	key, err = firstKey(t, 5*time.Second, "")
	wantKey(t, key, err, "CA", "CS", "", "")
	t.Setenv("HUAWEICLOUD_SDK_AK", "HA")
	t.Setenv("HUAWEICLOUD_SDK_SK", "HS")
	t.Setenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", "HT")
	t.Setenv("HUAWEICLOUD_SDK_PROJECT_ID", "HP")
	key, err = firstKey(t, 5*time.Second, "")
	wantKey(t, key, err, "HA", "HS", "HT", "HP")
}

// accepting is an API that accepts the keys of a metadata service, and those
// before the last n no more.
type accepting struct {
	mu    sync.Mutex
	keys  map[string]bool
	good  int
	wrong int
}

func (a *accepting) accept(k Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[k.SecurityToken] = true
}

func (a *accepting) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, token)
}

func (a *accepting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.keys[r.Header.Get("X-Security-Token")] {
		a.wrong++
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error_code":"APIGW.0301","error_msg":"expired"}`))
		return
	}
	a.good++
	_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
}

// chained returns a client whose chain looks after its key every few
// milliseconds, and what it has been told of trouble.
func chained(t *testing.T, api http.Handler) (*Client, func() []error) {
	t.Helper()
	server := httptest.NewServer(api)
	var mu sync.Mutex
	var trouble []error
	chain := &defaultChain{transport: plain, check: 5 * time.Millisecond, onTrouble: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		trouble = append(trouble, err)
	}}
	client := New(Options{Region: "r", Endpoint: server.URL, ProjectID: "p", Keys: chain, RequestsPerSecond: 1e6})
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, func() []error {
		mu.Lock()
		defer mu.Unlock()
		return trouble
	}
}

// TestTemporaryKeysAreRenewed has many requests run while their key ends again
// and again: each is signed with a key that is good.
func TestTemporaryKeysAreRenewed(t *testing.T) {
	clearEnvironment(t)
	api := &accepting{keys: make(map[string]bool)}
	service := startMetadata(t, &metadata{tokens: true, life: 30 * time.Minute, onKey: api.accept}) // less than the SDK wants left
	client, trouble := chained(t, api)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := client.ListInstances(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for {
		n := 0
		service.change(func() { n = service.handedOut })
		if n >= 20 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	wait.Wait()
	if err := trouble(); err != nil || api.wrong > 0 || api.good < 20 {
		t.Errorf("%d requests were good, %d were not; trouble: %v", api.good, api.wrong, err)
	}
}

// TestRenewalFails has the metadata service fail: the key is used on while it
// is good, that is told, and when it is not, both are said.
func TestRenewalFails(t *testing.T) {
	clearEnvironment(t)
	api := &accepting{keys: make(map[string]bool)}
	service := startMetadata(t, &metadata{life: 30 * time.Minute, onKey: api.accept})
	client, trouble := chained(t, api)
	list := func() error {
		_, err := client.ListInstances(t.Context())
		return err
	}
	if err := list(); err != nil {
		t.Fatal(err)
	}
	service.change(func() { service.status, service.body = http.StatusInternalServerError, "SECRET" })
	for deadline := time.Now().Add(10 * time.Second); len(trouble()) < 2; time.Sleep(time.Millisecond) {
		if err := list(); err != nil {
			t.Fatalf("while the key is good: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is told")
		}
	}
	if text := trouble()[0].Error(); !strings.Contains(text, "its source answered HTTP 500") || strings.Contains(text, "SECRET") {
		t.Errorf("told: %s", text)
	}

	last := ""
	service.change(func() { last = fmt.Sprintf("TOKEN%d", service.handedOut) })
	api.forget(last)
	err := list()
	if ReasonOf(err) != ReasonAuth || !strings.Contains(err.Error(), "expired") || !strings.Contains(err.Error(), "no other key could be had") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("when it has ended: %v", err)
	}
	// It heals by itself: the background has a new key soon.
	service.change(func() { service.status, service.body = 0, "" })
	for deadline := time.Now().Add(10 * time.Second); list() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not heal")
		}
	}
	if api.wrong > 2 {
		t.Errorf("%d refused requests", api.wrong)
	}
}
