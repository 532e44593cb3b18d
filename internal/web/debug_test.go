package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestDebug checks that the text says what one reading did: phases, requests,
// steps, verdict, what was folded, and errors.
func TestDebug(t *testing.T) {
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{single()}})
	for _, tt := range []struct {
		name, target string
		want         []string
	}{
		{"read", "instance-1", []string{
			"^orders \\(instance-1\\), region cn-north-4, project project-1\n", "PHASES, AND WHEN THEY HAD TO END", "scan, and wait for new lists",
			`(?m)^  node-1.* read in \S+: 5 sessions \(5 by the API's count\), list taken \S+Z, 0s ago$`, "folded into other: 1 users",
			`node-1: scan accepted: a new list is coming`, `node-1: list read: pages 1, sessions 5, 5 by the API's count`, `node-1: verdict: read, 5 sessions, 0 warnings`,
			`(?m)^  AT +RATE WAIT +SLOT WAIT +TOOK +STATUS +OPERATION +NODE +REQUEST ID$`, `(?m) 200 +scan_clients +node-1 +[0-9a-f]{32}$`, `(?m) 200 +list_clients +node-2 +[0-9a-f]{32}$`,
		}},
		{"read again", "instance-1", []string{`no scan: the last one is \S+ old, scan.min_interval is 1h0m0s`, "the list is the one that was read before: its numbers are used again"}},
		{"refused", "instance-4", []string{
			`node-5.* not read after \S+, reason forbidden: .*DCS.2003`, "verdict: not read \\(forbidden\\)", `(?m) 403 +list_clients +node-5 `,
		}},
		{"not running", "instance-2", []string{"The instance was not read on purpose: not_running.", "REQUESTS\n.*\n  none"}},
		{"untrusted names", "instance-5", []string{"verdict: read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := get(t, url+"/probe?debug=true&target="+tt.target, nil)
			if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
			}
			for _, want := range tt.want {
				if !regexp.MustCompile(want).MatchString(body) {
					t.Errorf("no %q in\n%s", want, body)
				}
			}
		})
	}
	for query, status := range map[string]int{
		"debug=true": http.StatusBadRequest, "debug=true&target=nothing": http.StatusNotFound, "debug=maybe&target=instance-1": http.StatusBadRequest,
		"debug=false&target=instance-1": http.StatusOK, "debug=1&target=instance-1": http.StatusOK,
	} {
		if resp, body := get(t, url+"/probe?"+query, nil); resp.StatusCode != status {
			t.Errorf("%s: %s\n%s", query, resp.Status, body)
		}
	}
	if _, body := get(t, url+"/probe?debug=false&target=instance-1", nil); !strings.Contains(body, "dcs_up{") {
		t.Errorf("with debug=false:\n%s", body)
	}
}

// TestDebugAndStatusAreRestricted checks that both follow the rule of /sessions.
func TestDebugAndStatusAreRestricted(t *testing.T) {
	_, off := start(t)
	_, on := startWith(t, how{sessions: onLoopback()})
	for _, path := range []string{"/probe?debug=true&target=instance-1", "/status", "/status?format=json"} {
		if resp, body := get(t, off+path, nil); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "is not enabled: start the exporter with --web.enable-sessions") {
			t.Errorf("%s: %s\n%s", path, resp.Status, body)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, on+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "rebound.example"
		if status, body := do(t, req); status != http.StatusForbidden || !strings.Contains(body, "rebound.example") {
			t.Errorf("%s under another host name: %d\n%s", path, status, body)
		}
		if resp, _ := get(t, on+path, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s for another site: %s", path, resp.Status)
		}
	}
}
