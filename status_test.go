package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestStatusHasNoSecrets checks that the status and the text about a reading show
// the configuration in force, also after a reload, and no part of a key.
func TestStatusHasNoSecrets(t *testing.T) {
	_, config := newReloadable(t)
	r := serveFileAt(t, config("SECRETSK", "scan: {min_interval: 41s}\n", "i1"), "127.0.0.1:0", "--web.enable-sessions")
	look := func(interval string) {
		t.Helper()
		for path, want := range map[string]string{
			"/status": "the configuration file", "/status?format=json": `"value": "` + interval + `"`, "/probe?debug=true&target=i1": "REQUESTS", "/": "Running since",
		} {
			status, body := r.request(http.MethodGet, path)
			if status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d, no %q in\n%s", path, status, want, body)
			}
			if strings.Contains(body, "SECRET") {
				t.Errorf("%s has a secret:\n%s", path, body)
			}
		}
	}
	r.request(http.MethodGet, "/metrics")
	look("41s")
	r.write(config("SECRETSK", "scan: {min_interval: 42s}\n", "i1"))
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	look("42s")
}
