package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestConfiguredCase checks that an instance that is configured in another case is
// read with the configured id, if no list has the API's spelling.
func TestConfiguredCase(t *testing.T) {
	api, text := newReloadable(t)
	api.Add(emulator.Instance{ID: "I3", ProjectID: "p1", Nodes: []emulator.Node{{ID: "node-i3", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "7", Flags: "N"}}}}})
	api.SetFaults(emulator.Fault{Operation: "list_instances", Status: 403, Code: "DCS.3002"})
	r := serveFile(t, text("SECRETSK", "", "i1"))
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	r.write(text("SECRETSK", "", "i1", "I3")) // the client is kept
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, body)
	}
	r.wantLine(`dcs_up{instance_id="i3"} 1`)
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
}

// TestOddities checks that an oddity in an answer is logged once, however often it
// appears.
func TestOddities(t *testing.T) {
	api, text := newReloadable(t)
	api.Change("i1", func(i *emulator.Instance) { i.OddTags = "" })
	api.SetFaults(emulator.Fault{Operation: "list_nodes", InstanceID: "i1", Rewrite: func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"nodes":[`), []byte(`"nodes":[7,`), 1)
	}})
	r := serveFile(t, text("SECRETSK", "discovery_interval: 1ms\n", "i1"))
	tags := `operation=list_instances oddity="instance i1: \"tags\" is a string, not a list: no tags are read"`
	node := `operation=list_nodes oddity="element 1 of instance i1: it is a number, not an object: the node is left out"`
	r.await("both are logged", func() bool {
		r.request(http.MethodGet, "/metrics")
		log := r.log.String()
		return strings.Contains(log, tags) && strings.Contains(log, node)
	})
	lists := api.Counts()["list_instances"]
	r.await("the lists come again", func() bool {
		r.request(http.MethodGet, "/metrics")
		return api.Counts()["list_instances"] > lists+2
	})
	r.wantLine(`dcs_up{instance_id="i1"} 1`)
	for _, line := range []string{tags, node} {
		if n := strings.Count(r.log.String(), line); n != 1 {
			t.Errorf("%s is logged %d times", line, n)
		}
	}
	if !strings.Contains(r.log.String(), `level=warn`) || !strings.Contains(r.log.String(), "project_id=p1") || strings.Contains(r.log.String(), "dcsapi.") {
		t.Errorf("got\n%s", r.log.String())
	}
}
