package emulator_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// signed returns a scan request that the vendor's SDK has signed.
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

// TestTampering changes each part of a signed request: none may pass then.
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

// TestKeyIsLocked checks that a key is locked after more than five refusals in
// a row, for five minutes, and that a success starts the count anew.
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
	for range 5 {
		try(false)
	}
	if got := try(true); got != 200 {
		t.Fatalf("after five refusals: %d", got)
	}
	for range 6 {
		try(false)
	}
	if got := try(true); got != 401 {
		t.Errorf("after six refusals in a row: %d, want 401", got)
	}
	off = 5 * time.Minute
	if got := try(true); got != 200 {
		t.Errorf("five minutes later: %d", got)
	}
}

// FuzzAuthorization checks that no header and no URL makes the API panic, or
// pass what is not signed.
func FuzzAuthorization(f *testing.F) {
	f.Add("SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=00", "/v2/p/instances", "a=b", "20230615T031001Z")
	f.Add("SDK-HMAC-SHA256 Access=,SignedHeaders=;;,Signature==", "//", "%zz", "")
	f.Add("", "/v3/projects", "name=%00", "x")
	api := emulator.New(emulator.Options{})
	api.SetKey(testKey)
	f.Fuzz(func(t *testing.T, authorization, path, query, date string) {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", bytes.NewReader(nil))
		r.URL = &url.URL{Path: "/" + path, RawQuery: query}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Sdk-Date", date)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code == http.StatusOK || w.Code >= 500 {
			t.Errorf("HTTP %d", w.Code)
		}
	})
}
