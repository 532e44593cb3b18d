package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/internal/emulator"
)

// replace returns a fault that replaces a part of an answer.
func replace(operation, from, to string) emulator.Fault {
	return emulator.Fault{Operation: operation, Rewrite: func(body []byte) []byte {
		return bytes.Replace(body, []byte(from), []byte(to), 1)
	}}
}

// targets returns the targets of /sd, with their labels.
func targets(t *testing.T, url string) (ids []string, labels map[string]map[string]string) {
	t.Helper()
	var groups []struct {
		Targets []string
		Labels  map[string]string
	}
	if err := json.Unmarshal([]byte(await(t, url+"/sd", http.StatusOK)), &groups); err != nil {
		t.Fatal(err)
	}
	labels = make(map[string]map[string]string)
	for _, g := range groups {
		ids = append(ids, g.Targets...)
		labels[g.Targets[0]] = g.Labels
	}
	return ids, labels
}

// TestOddElements checks that an instance or a node in an undocumented form
// affects nothing else, and that its readable parts are used.
func TestOddElements(t *testing.T) {
	everything := []string{"instance-1", "instance-2", "instance-3", "instance-4"}
	const tags, one = `"tags":[]`, "__meta_dcs_tag_a"
	for _, tt := range []struct {
		name   string
		fault  emulator.Fault
		want   []string
		tag    string // of instance-1: the value of a
		hasTag bool
	}{
		{"tags are an object", replace("list_instances", tags, `"tags":{"a":"b"}`), everything, "b", true},
		{"tags are an empty object", replace("list_instances", tags, `"tags":{}`), everything, "", false},
		{"tags are a text", replace("list_instances", tags, `"tags":""`), everything, "", false},
		{"tags are texts", replace("list_instances", tags, `"tags":["a=b"]`), everything, "b", true},
		{"tags are null", replace("list_instances", tags, `"tags":null`), everything, "", false},
		{"numbers in tags", replace("list_instances", tags, `"tags":[{"key":1,"value":2},{"key":"a","value":3}]`), everything, "3", true},
		{"a name is a list", replace("list_instances", `"name":"orders"`, `"name":["orders"]`), everything, "", false},
		{"an id is an object", replace("list_instances", `"instance_id":"instance-1"`, `"instance_id":{}`), everything[1:], "", false},
		{"an element is a number", replace("list_instances", `"instances":[`, `"instances":[7,`), everything, "", false},
		{"a byte order mark", emulator.Fault{Rewrite: func(body []byte) []byte { return append([]byte("\xef\xbb\xbf"), body...) }}, everything, "", false},
		{"a node's port is an object", replace("list_nodes", `"node_port":"6379"`, `"node_port":{}`), everything, "", false},
		{"a node is null", replace("list_nodes", `"nodes":[`, `"nodes":[null,`), everything, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, url := startWith(t, discovered(how{faults: []emulator.Fault{tt.fault}}))
			ids, labels := targets(t, url)
			if !slices.Equal(ids, tt.want) {
				t.Errorf("got targets %v, want %v", ids, tt.want)
			}
			if tag, ok := labels["instance-1"][one]; tag != tt.tag || ok != tt.hasTag {
				t.Errorf("the tag a of instance-1: got %q (there: %v), want %q (there: %v)", tag, ok, tt.tag, tt.hasTag)
			}
			_, body := get(t, url+"/metrics", nil)
			lines := []string{`dcs_up{instance_id="instance-4"} 0`, `dcs_project_up{project_id="project-1",region="cn-north-4"} 1`}
			if len(tt.want) == len(everything) {
				lines = append(lines, `dcs_up{instance_id="instance-1"} 1`)
			}
			for _, line := range lines {
				if !strings.Contains(body, line+"\n") {
					t.Errorf("no %s in\n%s", line, body)
				}
			}
		})
	}
}

// TestInstanceIDCase checks that an instance whose id appears in several cases is
// exported once, with the id in lower case, and that requests use the API's
// spelling.
func TestInstanceIDCase(t *testing.T) {
	api, url := startWith(t, discovered(how{
		instances: []emulator.Instance{
			{ID: "Listed-A", ProjectID: "project-1", Nodes: []emulator.Node{{ID: "Node-A", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "1", Flags: "N"}}}}},
			{ID: "FOUND-B", ProjectID: "project-1", Nodes: []emulator.Node{{ID: "Node-B", Role: "redis-server", Type: "master", Sessions: emulator.Static{{ID: "1", Flags: "N"}}}}},
		},
		options:  func(o *collector.Options) { o.Projects[0].Instances = []fleet.Instance{{ID: "LISTED-a"}} },
		sessions: onLoopback(), timeout: 10 * time.Second,
	}))
	ids, _ := targets(t, url)
	if want := []string{"listed-a", "instance-1", "instance-2", "instance-3", "instance-4", "found-b"}; !slices.Equal(ids, want) {
		t.Errorf("got targets %v, want %v", ids, want)
	}
	for target, want := range map[string]string{"LISTED-A": "listed-a", "listed-a": "listed-a", "Found-B": "found-b", "INSTANCE-1": "instance-1"} {
		if _, body := get(t, url+"/probe?target="+target, nil); !strings.Contains(body, `dcs_up{instance_id="`+want+`"} 1`+"\n") {
			t.Errorf("%s: got\n%s", target, body)
		}
	}
	for _, id := range []string{"LISTED-A", "listed-a"} {
		if resp, body := get(t, url+"/sessions?format=csv&instance="+id, nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, "listed-a,Node-A,") {
			t.Errorf("sessions of %s: %s\n%s", id, resp.Status, body)
		}
	}
	_, body := get(t, url+"/metrics", nil)
	if strings.Contains(body, "LISTED") || strings.Contains(body, "Listed") || strings.Contains(body, "FOUND") || !strings.Contains(body, `node_id="Node-A"`) {
		t.Errorf("got\n%s", body)
	}
	for _, r := range api.Requests() {
		if strings.EqualFold(r.InstanceID, "listed-a") && r.InstanceID != "Listed-A" || strings.EqualFold(r.InstanceID, "found-b") && r.InstanceID != "FOUND-B" {
			t.Errorf("%s asks for %s", r.Operation, r.InstanceID)
		}
	}
}
