package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
)

// FuzzAuthorization checks that no header and no URL makes the API panic or accept
// an unsigned request.
func FuzzAuthorization(f *testing.F) {
	now := time.Date(2023, 6, 15, 3, 10, 1, 0, time.UTC)
	f.Add("SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=00", "/v2/project-1/instances", "a=b", "20230615T031001Z")
	f.Add("SDK-HMAC-SHA256 Access=AK,SignedHeaders=;x-sdk-date;,Signature==", "v3/projects", "%zz", "20230615T031001Z")
	f.Add("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date;\x00;HOST, Signature=\xff", "/v2//instances/%2F/clients", "name=%00;", "20230615T031001Z")
	f.Add("", "*", "", "x")
	f.Fuzz(func(t *testing.T, authorization, path, query, date string) {
		api := emulator.New(emulator.Options{Now: func() time.Time { return now }})
		api.SetKey(testKey)
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		r.URL = &url.URL{Path: path, RawPath: path, RawQuery: query}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Sdk-Date", date)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if (w.Code != http.StatusUnauthorized && w.Code != http.StatusNotFound) || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("HTTP %d, %v", w.Code, w.Header())
		}
	})
}

// FuzzSignature checks that requests signed by the vendor's SDK are accepted, and
// that the signature is valid for no other request.
func FuzzSignature(f *testing.F) {
	f.Add("sort", "a b&c=d/e~", `{"node_id":"node-1"}`, "SK")
	f.Add("é", "=%2F+", "", "x y")
	f.Add("a;b", "", "\x00\xff", "é")
	f.Fuzz(func(t *testing.T, name, value, body, secret string) {
		if name == "" || secret == "" {
			t.Skip("the SDK does not sign it")
		}
		api := emulator.New(emulator.Options{})
		api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: secret, Projects: []string{"project-1"}})
		b := request.NewHttpRequestBuilder().WithEndpoint("http://127.0.0.1").WithPath("/v2/project-1/instances/instance-1/clients").
			WithMethod(http.MethodPost).AddQueryParam(name, reflect.ValueOf(value))
		if body != "" {
			b.AddHeaderParam("Content-Type", "application/json").WithBody("", body)
		}
		send := func(change func(*http.Request)) int {
			unsigned := b.Build()
			headers, err := signer.Sign(unsigned, "AK", secret)
			if err != nil {
				t.Skip(err)
			}
			for name, value := range headers {
				unsigned.AddHeaderParam(name, value)
			}
			r, err := unsigned.ConvertRequest()
			if err != nil {
				t.Skip(err)
			}
			if r.Body == nil {
				r.Body = http.NoBody
			}
			change(r)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w.Code
		}
		if got := send(func(*http.Request) {}); got == http.StatusUnauthorized {
			t.Errorf("%q=%q, body %q: refused", name, value, body)
		}
		if got := send(func(r *http.Request) { r.URL.RawQuery += "x" }); got != http.StatusUnauthorized {
			t.Errorf("%q=%q, with another query: HTTP %d", name, value, got)
		}
	})
}
