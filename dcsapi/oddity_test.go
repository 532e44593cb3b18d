package dcsapi_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// odd collects what a client finds odd.
type odd struct {
	mu    sync.Mutex
	texts []string
}

func (o *odd) observe(operation, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.texts = append(o.texts, operation+" | "+text)
}

// take returns what was found since, sorted.
func (o *odd) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { o.texts = nil }()
	slices.Sort(o.texts)
	return o.texts
}

// answering returns a client whose requests are all answered with a body.
func answering(t testing.TB, body *string) (*dcsapi.Client, *odd) {
	t.Helper()
	var found odd
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(*body)) }), func(o *dcsapi.Options) {
		o.Observer.Warning = found.observe
	})
	return c, &found
}

// TestTags checks what is made of tags in each form.
func TestTags(t *testing.T) {
	var body string
	c, found := answering(t, &body)
	for _, tt := range []struct {
		tags string
		want map[string]string
		odd  []string
	}{
		{`[{"key":"a","value":"b"}]`, map[string]string{"a": "b"}, nil},
		{`[{"key":1,"value":2},{"key":"c"},{"key":"d","value":null}]`, map[string]string{"1": "2", "c": "", "d": ""}, nil},
		{`[]`, nil, nil},
		{`null`, nil, nil},
		{`{}`, nil, []string{`"tags" is an object, not a list: its fields are read as tags`}},
		{`{"k":"v","n":1,"o":{}}`, map[string]string{"k": "v", "n": "1"}, []string{
			`"tags" is an object, not a list: its fields are read as tags`, `a tag in "tags" has a value that is not a text: it is ignored`,
		}},
		{`{"1":"v"}`, map[string]string{"1": "v"}, []string{`"tags" is an object, not a list: its fields are read as tags`}},
		{`{"key":"a","value":"b"}`, map[string]string{"a": "b"}, []string{`"tags" is an object, not a list: its fields are read as tags`}},
		{`""`, nil, []string{`"tags" is a string, not a list: no tags are read`}},
		{`7`, nil, []string{`"tags" is a number, not a list: no tags are read`}},
		{`["a=b","c","d=e=f"]`, map[string]string{"a": "b", "c": "", "d": "e=f"}, []string{`a tag in "tags" is a string, not an object: it is read as key=value`}},
		{`[{"team":"orders"}]`, map[string]string{"team": "orders"}, nil},
		{`[1,{"key":"a","value":"b"}]`, map[string]string{"a": "b"}, []string{`a tag in "tags" is a number, not an object: it is ignored`}},
		{`[{"key":{},"value":"b"},{"key":"a","value":["b"]},{"key":"c","value":"d"}]`, map[string]string{"c": "d"}, []string{
			`a tag in "tags" has a value that is not a text: it is ignored`, `a tag in "tags" has no key: it is ignored`,
		}},
	} {
		body = `{"instance_num":2,"instances":[{"instance_id":"i1","tags":` + tt.tags + `},{"instance_id":"i2","tags":[]}]}`
		list, err := c.ListInstances(t.Context())
		if err != nil || len(list) != 2 || !maps.Equal(list[0].Tags, tt.want) {
			t.Errorf("tags %s: got %+v, %v; want %v", tt.tags, list, err, tt.want)
		}
		var want []string
		for _, text := range tt.odd {
			want = append(want, "list_instances | instance i1: "+text)
		}
		if got := found.take(); !slices.Equal(got, want) {
			t.Errorf("tags %s: odd is\n%q, want\n%q", tt.tags, got, want)
		}
	}
}

// TestOddInstances checks that an odd instance costs no other, and is named.
func TestOddInstances(t *testing.T) {
	var body string
	c, found := answering(t, &body)
	const good = `{"instance_id":"i1","name":"one","status":"RUNNING","enterprise_project_id":0}`
	for _, tt := range []struct {
		name, elements string
		want           string // ids, and what else was read of them
		odd            []string
	}{
		{"a field", `{"instance_id":"i2","name":["x"],"status":{},"ip":true,"engine":7}`, "i2///7", []string{
			`instance i2: "name" is a list, not a text: it is ignored`, `instance i2: "status" is an object, not a text: it is ignored`,
		}},
		{"a number", `{"instance_id":12,"name":"n","status":"RUNNING"}`, "12/n/RUNNING/", nil},
		{"no object", `null,7,"x",[],true`, "", []string{
			`element 2: it is null, not an object: the instance is left out`, `element 3: it is a number, not an object: the instance is left out`,
			`element 4: it is a string, not an object: the instance is left out`, `element 5: it is a list, not an object: the instance is left out`,
			`element 6: it is a boolean, not an object: the instance is left out`,
		}},
		{"no id", `{"instance_id":{},"name":"two"},{"name":"three"},{"instance_id":"","name":{}},{"instance_id":true},{"instance_id":null}`, "", []string{
			`element 2 ("two"): "instance_id" is an object: the instance is left out`, `element 4: "instance_id" is empty: the instance is left out`,
			`element 5: "instance_id" is a boolean: the instance is left out`, `element 3 ("three"), element 6: "instance_id" is missing: the instance is left out`,
		}},
		{"many", `{"instance_id":"e","name":{}},{"instance_id":"d","name":{}},{"instance_id":"c","name":{}},{"instance_id":"b","name":{}}`, "e/// d/// c/// b///", []string{
			`instance b, instance c, instance d and others: "name" is an object, not a text: it is ignored`,
		}},
		{"in another case", `{"instance_id":"I1"},{"instance_id":"I2"}`, "i2///", nil},
	} {
		body = `{"instances":[` + good + `,` + tt.elements + `]}`
		list, err := c.ListInstances(t.Context())
		var got []string
		for _, i := range list {
			got = append(got, strings.Join([]string{i.ID, i.Name, i.Status, i.Engine}, "/"))
		}
		if want := strings.TrimSpace("i1/one/RUNNING/ " + tt.want); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, %v; want %s", tt.name, got, err, want)
		}
		var want []string
		for _, text := range tt.odd {
			want = append(want, "list_instances | "+text)
		}
		slices.Sort(want)
		if got := found.take(); !slices.Equal(got, want) {
			t.Errorf("%s: odd is\n%q, want\n%q", tt.name, got, want)
		}
	}
}

// TestUnreadable checks that a list of which nothing can be read is an error in
// the API's terms, rather than an empty one.
func TestUnreadable(t *testing.T) {
	var body string
	c, _ := answering(t, &body)
	for _, tt := range []struct{ body, instances, nodes, all string }{
		{`{"instances":[{}],"nodes":[7]}`, `none of the list's elements can be read: element 1: "instance_id" is missing`, `none of the list's elements can be read: element 1 of instance i1: it is a number, not an object`, ""},
		{`{"instances":{},"nodes":"x"}`, `no list of instances in the response: "instances" is an object`, `no list of nodes in the response: "nodes" is a string`, `"instances" is an object`},
		{`{"instances":null}`, `"instances" is missing`, `"nodes" is missing`, `"instances" is missing`},
		{`[1]`, `the response is a list, not an object`, `the response is a list, not an object`, `the response is a list, not an object`},
		{` "x"`, `the response is a string, not an object`, `the response is a string, not an object`, `the response is a string, not an object`},
	} {
		body = tt.body
		_, instances := c.ListInstances(t.Context())
		_, nodes := c.ListNodes(t.Context(), "i1")
		_, all := c.ListProjectNodes(t.Context())
		_, one := c.GetInstance(t.Context(), "i1")
		for want, err := range map[string]error{tt.instances: instances, tt.nodes: nodes} {
			if err == nil || !strings.Contains(err.Error(), want) || dcsapi.ReasonOf(err) != dcsapi.ReasonDecode {
				t.Errorf("%s: got %v, want %s", body, err, want)
			}
		}
		if (all == nil) != (tt.all == "") || (all != nil && !strings.Contains(all.Error(), tt.all)) || one == nil {
			t.Errorf("%s: got %v, want %s; one: %v", body, all, tt.all, one)
		}
		for _, err := range []error{instances, nodes, all, one} {
			if err != nil && (strings.Contains(err.Error(), "Go ") || strings.Contains(err.Error(), "dcsapi") || strings.Contains(err.Error(), "struct")) {
				t.Errorf("%s: Go types in %v", body, err)
			}
		}
	}
}

// TestOddNodes checks the same of nodes, listed alone and together.
func TestOddNodes(t *testing.T) {
	var body string
	c, found := answering(t, &body)
	const nodes = `[{"node_id":"n1","node_role":"redis-server","node_port":6379},{"node_id":"n2","node_type":{}},null,{"node_id":[]}]`
	odd := []string{
		`element 3 of instance i1: it is null, not an object: the node is left out`, `element 4 of instance i1: "node_id" is a list: the node is left out`,
		`node n2 of instance i1: "node_type" is an object, not a text: it is ignored`,
	}
	want := []dcsapi.Node{{ID: "n1", Role: "redis-server", Port: "6379"}, {ID: "n2"}}
	with := func(operation string, more ...string) (out []string) {
		for _, text := range append(more, odd...) {
			out = append(out, operation+" | "+text)
		}
		slices.Sort(out)
		return out
	}

	body = `{"nodes":` + nodes + `}`
	got, err := c.ListNodes(t.Context(), "I1")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got := found.take(); !slices.Equal(got, with("list_nodes")) {
		t.Errorf("odd is %q", got)
	}

	body = `{"count":4,"instances":[{"instance_id":"I1","nodes":` + nodes + `},{"instance_id":"i2","nodes":{}},{"nodes":[]},{"instance_id":"i3","nodes":[{"node_id":"n3"}]}]}`
	all, err := c.ListProjectNodes(t.Context())
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all["i1"], want) || !reflect.DeepEqual(all["i3"], []dcsapi.Node{{ID: "n3"}}) {
		t.Errorf("got %+v, %v", all, err)
	}
	if got, want := found.take(), with("list_project_nodes", `instance i2: no list of nodes in the response: "nodes" is an object`, `element 3: "instance_id" is missing: the instance is left out`); !slices.Equal(got, want) {
		t.Errorf("odd is\n%q, want\n%q", got, want)
	}
}

// TestByteOrderMark checks that a mark before the JSON is skipped in every
// answer, errors too.
func TestByteOrderMark(t *testing.T) {
	api := newEmulator(emulator.Session{ID: "1", Addr: "10.0.0.1:5"})
	bom := func(body []byte) []byte { return append([]byte("\xef\xbb\xbf"), body...) }
	api.AddFault(emulator.Fault{Rewrite: bom})
	c := newClient(t, api, nil)
	ctx := t.Context()
	if _, err := listOnce(ctx, c); dcsapi.ReasonOf(err) != dcsapi.ReasonServer || !strings.Contains(err.Error(), "DCS.5000") {
		t.Errorf("before a scan: %v", err)
	}
	if id, err := c.ScanClients(ctx, "instance-1", "node-1"); err != nil || id == "" {
		t.Errorf("scan: %q, %v", id, err)
	}
	if page, err := listOnce(ctx, c); err != nil || page.Count != 1 || page.Sessions != 1 {
		t.Errorf("sessions: %+v, %v", page, err)
	}
	if list, err := c.ListInstances(ctx); err != nil || len(list) != 1 {
		t.Errorf("instances: %v, %v", list, err)
	}
	if i, err := c.GetInstance(ctx, "instance-1"); err != nil || i.ID != "instance-1" {
		t.Errorf("instance: %v, %v", i, err)
	}
	if list, err := c.ListNodes(ctx, "instance-1"); err != nil || len(list) != 1 {
		t.Errorf("nodes: %v, %v", list, err)
	}
	if all, err := c.ListProjectNodes(ctx); err != nil || len(all) != 1 {
		t.Errorf("all nodes: %v, %v", all, err)
	}
	if list, err := c.ListProjects(ctx); err != nil || len(list) != 1 {
		t.Errorf("projects: %v, %v", list, err)
	}
	api.SetFaults(emulator.Fault{Rewrite: func([]byte) []byte { return bom(nil) }})
	if _, err := c.ListInstances(ctx); dcsapi.ReasonOf(err) != dcsapi.ReasonDecode || !strings.Contains(err.Error(), "empty response") {
		t.Errorf("nothing but the mark: %v", err)
	}
}

// TestInstanceIDCase checks that ids in another case name the same instance,
// and that requests write them as the API does, else as the configuration.
func TestInstanceIDCase(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "AK", SecretKey: "SK", Projects: []string{"project-1"}})
	api.Add(emulator.Instance{ID: "Instance-A", ProjectID: "project-1", Nodes: []emulator.Node{{ID: "Node-1", Sessions: emulator.Static{{ID: "1"}}}}})
	c := newClient(t, api, nil)
	ctx := t.Context()
	asked := func() string {
		all := api.Requests()
		return all[len(all)-1].InstanceID
	}
	if _, err := c.ListNodes(ctx, "instance-a"); err != nil || asked() != "instance-a" {
		t.Errorf("nothing is known: %v, asked about %s", err, asked())
	}
	c.UseInstanceIDs("INSTANCE-A")
	if _, err := c.ListNodes(ctx, "instance-a"); err != nil || asked() != "INSTANCE-A" {
		t.Errorf("as configured: %v, asked about %s", err, asked())
	}
	if list, err := c.ListInstances(ctx); err != nil || len(list) != 1 || list[0].ID != "instance-a" {
		t.Fatalf("instances: %v, %v", list, err)
	}
	if nodes, err := c.ListNodes(ctx, "instance-a"); err != nil || len(nodes) != 1 || nodes[0].ID != "Node-1" || asked() != "Instance-A" {
		t.Errorf("nodes: %v, %v, asked about %s", nodes, err, asked())
	}
	if all, err := c.ListProjectNodes(ctx); err != nil || len(all["instance-a"]) != 1 {
		t.Errorf("all nodes: %v, %v", all, err)
	}
	if i, err := c.GetInstance(ctx, "INSTANCE-a"); err != nil || i.ID != "instance-a" {
		t.Errorf("instance: %v, %v", i, err)
	}
	if _, err := c.ScanClients(ctx, "instance-a", "Node-1"); err != nil || asked() != "Instance-A" {
		t.Errorf("scan: %v, asked about %s", err, asked())
	}
	page, err := c.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: "instance-a", NodeID: "Node-1"}, nil)
	if err != nil || page.Count != 1 || asked() != "Instance-A" {
		t.Errorf("sessions: %+v, %v, asked about %s", page, err, asked())
	}
}
