package dcsapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// newTestClient returns a client of a server that answers by the security
// token of each request.
func newTestClient(t *testing.T, keys KeySource, status func(token string) int) *Client {
	t.Helper()
	return newHandlerClient(t, keys, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status(r.Header.Get("X-Security-Token")))
		_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
	}))
}

// newHandlerClient returns a client of an HTTP handler.
func newHandlerClient(t *testing.T, keys KeySource, handler http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	client := New(Options{Endpoint: server.URL, ProjectID: "p", Keys: keys, RequestsPerSecond: 1000})
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return client
}
