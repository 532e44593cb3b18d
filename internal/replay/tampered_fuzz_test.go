package replay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/recording"
	"dcs_session_exporter/internal/replay"
)

// FuzzTampered serves what somebody may have made of a recording: it must not
// panic, and the exporter must be able to read the configuration.
func FuzzTampered(f *testing.F) {
	project := `{"projects":[{"region":"cn-north-4","project_id":"p1","discover":"some","discovered":["i1"]}]}`
	list := `{"at":"2026-03-01T08:00:00Z","request":{"method":"GET","path":"/v2/p1/instances"},"response":{"status":200,"headers":{"Date":"Sun, 01 Mar 2026 08:00:00 GMT"},"body":{"time":1772351940,"instances":[{"instance_id":"i1","name":"name-1"}]}}}`
	sessions := `{"request":{"method":"GET","path":"/v2/p1/instances/i1/clients","query":{"offset":["9223372036854775807"]}},"response":{"status":200,"body":{"clients":[1,{"id":{}},null],"count":"x","time":{}}},"failure":"cut"}`
	f.Add(project, list, "/v2/p1/instances?limit=1")
	f.Add(project, list, "/v2/p1/instances/i1")
	f.Add(project, sessions, "/v2/p1/instances/i1/clients?sort=id&order=desc&offset=1&addr=x")
	f.Add(`{"projects":[{"region":"a"}]}`, `{"response":{"status":599,"length":9,"headers":{"Transfer-Encoding":"x\r\ny"}}}`, "/")
	f.Fuzz(func(t *testing.T, manifest, exchange, uri string) {
		var r recording.Recording
		var x recording.Exchange
		target, err := url.ParseRequestURI(uri)
		if err != nil || json.Unmarshal([]byte(manifest), &r.Manifest) != nil || json.Unmarshal([]byte(exchange), &x) != nil {
			return
		}
		if x.Response != nil && (x.Response.Status < 200 || x.Response.Status > 599 || x.Response.Length < 0 || x.Response.Length > 1<<20) {
			return // refused when it is read
		}
		r.Exchanges = []recording.Exchange{x, x}
		api, err := replay.New(&r, fixed)
		if err != nil {
			return
		}
		text := api.Config("http://127.0.0.1:9948")
		if _, err := config.Parse("replay", []byte(text), "."); err != nil && strings.Contains(err.Error(), "YAML") {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodGet} {
			func() {
				defer func() {
					if v := recover(); v != nil && !errors.Is(v.(error), http.ErrAbortHandler) {
						panic(v)
					}
				}()
				req := &http.Request{Method: method, URL: target, Body: http.NoBody, Header: make(http.Header)}
				api.ServeHTTP(httptest.NewRecorder(), req.WithContext(t.Context()))
			}()
		}
	})
}
