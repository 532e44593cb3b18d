package dcsapi_test

import (
	"net/http"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// roundTripFunc is a transport.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestWrap checks that a wrapped transport sees each request as it is sent.
func TestWrap(t *testing.T) {
	var seen []string
	c := newClient(t, newEmulator(), func(o *dcsapi.Options) {
		o.Wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripFunc(func(req *http.Request) (*http.Response, error) {
				if req.Header.Get("Authorization") == "" {
					t.Error("the request is not signed")
				}
				seen = append(seen, req.Method+" "+req.URL.RequestURI())
				return next.RoundTrip(req)
			})
		}
	})
	if _, err := c.ListInstances(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 {
		t.Errorf("it sees %q", seen)
	}
}
