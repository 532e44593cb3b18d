package emulator_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// signed returns a scan request signed by the vendor's SDK.
func signed(t *testing.T, base, token string) *http.Request {
	t.Helper()
	r := request.NewHttpRequestBuilder().
		WithEndpoint(base).WithPath("/v2/project-1/instances/instance-1/clients").WithMethod(http.MethodPost).
		WithSigningAlgorithm(algorithm.HmacSHA256).
		AddQueryParam("sort", reflect.ValueOf("a b&c=d/é~")).AddQueryParam("order", reflect.ValueOf("asc")).
		AddHeaderParam("Content-Type", "application/json").
		WithBody("", `{"node_id":"node-1"}`).Build()
	c := auth.BasicCredentials{BaseCredentials: auth.BaseCredentials{AK: "AK", SK: "SK", SecurityToken: token}, ProjectId: "project-1"}
	done, err := c.ProcessAuthRequest(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	req, err := done.ConvertRequest()
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// status sends a request and returns the status of its answer.
func status(t *testing.T, r *http.Request) int {
	t.Helper()
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestTampering changes each part of a signed request, and checks that it is
// refused.
func TestTampering(t *testing.T) {
	setQuery := func(r *http.Request, name, value string) {
		q := r.URL.Query()
		q.Set(name, value)
		r.URL.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	}
	setBody := func(r *http.Request, body string) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.GetBody = nil
	}
	replace := func(r *http.Request, old, new string) {
		h := r.Header.Get("Authorization")
		r.Header.Set("Authorization", strings.Replace(h, old, new, 1))
	}
	tests := []struct {
		name   string
		tamper func(*http.Request)
		want   int
	}{
		{"untouched", func(*http.Request) {}, 200},
		{"an unsigned header may change", func(r *http.Request) { r.Header.Set("User-Agent", "x") }, 200},
		{"method", func(r *http.Request) { r.Method = http.MethodGet }, 401},
		{"path", func(r *http.Request) { r.URL.Path = "/v2/project-1/instances/instance-2/clients" }, 401},
		{"query value", func(r *http.Request) { setQuery(r, "order", "desc") }, 401},
		{"query added", func(r *http.Request) { setQuery(r, "limit", "1") }, 401},
		{"query removed", func(r *http.Request) { r.URL.RawQuery = "order=asc" }, 401},
		{"body", func(r *http.Request) { setBody(r, `{"node_id":"node-2"}`) }, 401},
		{"body with a space", func(r *http.Request) { setBody(r, `{"node_id": "node-1"}`) }, 401},
		{"no body", func(r *http.Request) { setBody(r, "") }, 401},
		{"signed header", func(r *http.Request) { r.Header.Set("X-Project-Id", "project-2") }, 401},
		{"signed header removed", func(r *http.Request) { r.Header.Del("X-Project-Id") }, 401},
		{"token", func(r *http.Request) { r.Header.Set("X-Security-Token", "other") }, 401},
		{"token removed", func(r *http.Request) { r.Header.Del("X-Security-Token") }, 401},
		{"token no longer signed", func(r *http.Request) { replace(r, ";x-security-token", "") }, 401},
		{"path with an escaped slash", func(r *http.Request) { r.URL.RawPath = "/v2/project-1/instances%2Finstance-1/clients" }, 404},
		{"escaped path", func(r *http.Request) { r.URL.RawPath = "/v2/project%2D1/instances/instance-1/clients" }, 200},
		{"a signed header twice", func(r *http.Request) { r.Header.Add("X-Project-Id", "project-1") }, 401},
		{"host that is claimed to be signed", func(r *http.Request) { replace(r, "SignedHeaders=", "SignedHeaders=host;") }, 401},
		{"date of another form", func(r *http.Request) { r.Header.Set("X-Sdk-Date", time.Now().UTC().Format(time.RFC3339)) }, 401},
		{"date", func(r *http.Request) {
			r.Header.Set("X-Sdk-Date", time.Now().Add(-time.Minute).UTC().Format("20060102T150405Z"))
		}, 401},
		{"date removed", func(r *http.Request) { r.Header.Del("X-Sdk-Date") }, 401},
		{"date no longer signed", func(r *http.Request) { replace(r, "x-sdk-date;", ""); replace(r, ";x-sdk-date", "") }, 401},
		{"key", func(r *http.Request) { replace(r, "Access=AK", "Access=OTHER") }, 401},
		{"signature", func(r *http.Request) {
			h := r.Header.Get("Authorization")
			last := "0"
			if strings.HasSuffix(h, "0") {
				last = "1"
			}
			r.Header.Set("Authorization", h[:len(h)-1]+last)
		}, 401},
		{"algorithm", func(r *http.Request) { replace(r, "SDK-HMAC-SHA256", "SDK-HMAC-SM3") }, 401},
		{"no authorization", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"another body's hash", func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", strings.Repeat("0", 64)) }, 401},
		{"unsigned payload", func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD") }, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, base := serve(t, emulator.Options{}, fleet(1))
			api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", SecurityToken: "token", Projects: []string{"project-1"}})
			api.SetKey(emulator.Key{AccessKey: "OTHER", SecretKey: "SO", Projects: []string{"project-1"}})
			r := signed(t, base, "token")
			tt.tamper(r)
			if got := status(t, r); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestKeyIsLocked checks that a key is locked for five minutes after more than
// five refusals in a row, and that a success resets the count.
func TestKeyIsLocked(t *testing.T) {
	var off time.Duration
	api := emulator.New(emulator.Options{Now: func() time.Time { return time.Now().Add(off) }})
	api.SetKey(testKey)
	api.Add(fleet(1))
	server := httptest.NewServer(api)
	defer server.Close()
	try := func(good bool) int {
		r := signed(t, server.URL, "")
		if !good {
			r.Header.Set("X-Project-Id", "changed")
		}
		return status(t, r)
	}
	for range 2 { // the success between them resets the count
		for range 5 {
			try(false)
		}
		if got := try(true); got != 200 {
			t.Fatalf("after five refusals: %d", got)
		}
	}
	for range 6 {
		try(false)
	}
	if got := try(true); got != 401 {
		t.Errorf("after six refusals in a row: %d, want 401", got)
	}
	off = 5*time.Minute - 10*time.Second
	if got := try(true); got != 401 {
		t.Errorf("before five minutes have passed: %d, want 401", got)
	}
	off = 5 * time.Minute
	if got := try(true); got != 200 {
		t.Errorf("five minutes later: %d", got)
	}
}

// TestOwnSigner signs by hand, following the vendor's description, where the SDK
// has only one way: the host, the token, a path with an escaped slash, and an
// unsigned body.
func TestOwnSigner(t *testing.T) {
	const list, unsigned = "/v2/project-1/instances", "UNSIGNED-PAYLOAD"
	hashOf := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	empty := hashOf("")
	tests := []struct {
		name   string
		path   string
		hash   string // of the body, as it is signed
		signed string // names of headers
		header map[string]string
		want   int
	}{
		{"date alone", list, empty, "x-sdk-date", nil, 200},
		{"host", list, empty, "host;x-sdk-date", nil, 200},
		{"another host", list, empty, "host;x-sdk-date", map[string]string{"host": "dcs.example"}, 401},
		{"no date", list, empty, "host", nil, 401},
		{"escaped slash", list + "/a%2Fb", empty, "x-sdk-date", nil, 404},
		{"hash that is sent", list, empty, "x-sdk-date", map[string]string{"x-sdk-content-sha256": empty}, 200},
		{"hash of something else", list, hashOf("x"), "x-sdk-content-sha256;x-sdk-date", map[string]string{"x-sdk-content-sha256": hashOf("x")}, 401},
		{"body left out", list, unsigned, "x-sdk-content-sha256;x-sdk-date", map[string]string{"x-sdk-content-sha256": unsigned, "content-type": "text/plain"}, 200},
		{"body left out, which is not signed", list, unsigned, "x-sdk-date", map[string]string{"x-sdk-content-sha256": unsigned, "content-type": "text/plain"}, 401},
		{"JSON body left out", list, unsigned, "x-sdk-content-sha256;x-sdk-date", map[string]string{"x-sdk-content-sha256": unsigned, "content-type": "application/json"}, 401},
		{"token", list, empty, "x-sdk-date;x-security-token", map[string]string{"x-security-token": "token"}, 200},
		{"token that is not signed", list, empty, "x-sdk-date", map[string]string{"x-security-token": "token"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, base := serve(t, emulator.Options{}, fleet(1))
			if strings.HasPrefix(tt.name, "token") {
				api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", SecurityToken: "token", Projects: []string{"project-1"}})
			}
			r, err := http.NewRequest(http.MethodGet, base+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]string{"host": r.Host, "x-sdk-date": time.Now().UTC().Format("20060102T150405Z")}
			maps.Copy(values, tt.header)
			for name, value := range values {
				if name != "host" {
					r.Header.Set(name, value)
				}
			}
			canonical := "GET\n" + tt.path + "/\n\n"
			for name := range strings.SplitSeq(tt.signed, ";") {
				canonical += name + ":" + values[name] + "\n"
			}
			canonical += "\n" + tt.signed + "\n" + tt.hash
			mac := hmac.New(sha256.New, []byte("SK"))
			mac.Write([]byte("SDK-HMAC-SHA256\n" + values["x-sdk-date"] + "\n" + hashOf(canonical)))
			r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders="+tt.signed+", Signature="+hex.EncodeToString(mac.Sum(nil)))
			if got := status(t, r); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestRefusalsHaveRequestIDs checks the bodies of refusals.
func TestRefusalsHaveRequestIDs(t *testing.T) {
	_, base := serve(t, emulator.Options{}, fleet(1))
	for path, want := range map[string]string{
		"/v2/project-1/instances":        `{"error_code":"APIGW.0301","error_msg":"`,
		"/v3/projects?name=cn-north-4":   `{"error":{"code":401,"message":"`,
		"/v2/project-1/instances/a/b/cd": `{"error_code":"APIGW.0101","error_msg":"`,
	} {
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		id := resp.Header.Get("X-Request-Id")
		if err != nil || !strings.HasPrefix(string(body), want) || id == "" || resp.Header.Get("Date") == "" {
			t.Errorf("%s: %v, %s, %v", path, resp.Header, body, err)
		}
		if !strings.HasPrefix(path, "/v3") && !strings.Contains(string(body), id) {
			t.Errorf("%s: the body does not name request %s: %s", path, id, body)
		}
	}
}
