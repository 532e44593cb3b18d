package web_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestLandingPage checks that the page says whether the exporter works, and
// leads to each instance by its name.
func TestLandingPage(t *testing.T) {
	twin := func(id string) emulator.Instance {
		return emulator.Instance{ID: id, ProjectID: "project-1", Name: "<twin>", Nodes: []emulator.Node{{ID: "node-of-" + id, Role: "redis-server", Type: "master"}}}
	}
	_, url := startWith(t, how{sessions: onLoopback(), instances: []emulator.Instance{twin("instance-5"), twin("instance-6")}})
	lists := func(want ...string) {
		t.Helper()
		resp, body := get(t, url+"/", nil)
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("no %q in\n%s", part, body)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("the policy is %q", csp)
		}
	}
	lists("Not known yet: nobody has scraped it")
	get(t, url+"/metrics", nil)
	lists(
		"Not everything: 1 node or instance could not be read in the last scrape.",
		"<dt>Projects</dt><dd>1</dd>", "<dt>Instances</dt><dd>6, 2 of them not read on purpose", "<dt>Nodes read</dt><dd>4 of 5</dd>",
		"<dt>Oldest list</dt><dd>taken 0s ago</dd>", "<dt>Last scrape</dt>", "<dt>Running since</dt>", "<dt>Version</dt><dd>1.2.3</dd>",
		`<form action="sessions">`, `<select name="instance"><option value="instance-5">&lt;twin&gt; (instance-5)</option><option value="instance-6">&lt;twin&gt; (instance-6)</option><option value="instance-4">broken</option>`,
		`<form action="probe">`, `<select name="target">`, `<option value="instance-1">orders</option>`,
		`<a href="metrics">Metrics</a>`, `<a href="sessions">Sessions</a>`,
	)
}

// TestLandingPageOfHealthyFleet checks the verdict if all is well.
func TestLandingPageOfHealthyFleet(t *testing.T) {
	api, url := start(t)
	api.ClearFaults()
	get(t, url+"/metrics", nil)
	if _, body := get(t, url+"/", nil); !strings.Contains(body, `<p class="good">All is well: every node was read in the last scrape.</p>`) {
		t.Errorf("got\n%s", body)
	}
}
