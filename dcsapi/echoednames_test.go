package dcsapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestEchoedInNames checks that a server that writes the key it was sent into
// the values of a good answer does not get it into what is kept, logged or
// exported of them.
func TestEchoedInNames(t *testing.T) {
	key := dcsapi.Key{AccessKey: leakAccess, SecretKey: leakSecret, SecurityToken: leakToken}
	var found odd
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Security-Token")
		_, access, _ := strings.Cut(r.Header.Get("Authorization"), "Access=")
		access, _, _ = strings.Cut(access, ",")
		switch {
		case strings.HasSuffix(r.URL.Path, "/clients"):
			_, _ = fmt.Fprintf(w, `{"count":0,"clients":[],"time":%q}`, access)
		case strings.HasSuffix(r.URL.Path, "nodes"):
			_, _ = fmt.Fprintf(w, `{"nodes":[{"name":%q},{"node_id":"n1","node_ip":%q},{"node_id":%q,"name":{}}]}`, token, "ip "+access, access)
		default:
			_, _ = fmt.Fprintf(w, `{"instances":[{"name":%q},{"instance_id":"i1","name":%q,"tags":[{"key":%q,"value":%q}]},{"instance_id":%q,"name":[]}]}`,
				access, "of proxyaccount7", access, token, access)
		}
	}), func(o *dcsapi.Options) {
		o.Observer.Warning = found.observe
		o.Keys = dcsapi.NewConfiguredKey(dcsapi.Secret{Value: key.AccessKey}, dcsapi.Secret{Value: key.SecretKey}, dcsapi.Secret{Value: key.SecurityToken})
	})
	instances, err := c.ListInstances(t.Context())
	if err != nil || len(instances) != 2 || instances[0].Name != "of proxyaccount7" {
		t.Errorf("instances: %+v, %v", instances, err)
	}
	nodes, err := c.ListNodes(t.Context(), "i1")
	if err != nil || len(nodes) != 2 || nodes[0].IP != "ip <redacted>" {
		t.Errorf("nodes: %+v, %v", nodes, err)
	}
	page, err := c.ListClients(t.Context(), dcsapi.ListClientsRequest{InstanceID: "i1", NodeID: "n1"}, nil)
	if err != nil || page.TimeProblem() != `"time" is "<redacted>"` {
		t.Errorf("page: %+v, %v", page, err)
	}
	if got := c.Redact("name " + leakToken); got != "name <redacted>" {
		t.Errorf("a session's name: %q", got)
	}
	all := fmt.Sprintf("%+v %+v %+v %q", instances, nodes, page, found.take())
	for _, secret := range []string{leakAccess, leakToken[:100]} {
		for from := range len(secret) - 7 {
			if part := secret[from : from+8]; strings.Contains(strings.ToLower(all), strings.ToLower(part)) {
				t.Fatalf("%q is in %s", part, all)
			}
		}
	}
}
