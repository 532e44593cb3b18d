package dcsapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestTrace checks what is recorded of requests: each attempt with its status and
// request id, and no secret.
func TestTrace(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.Key{AccessKey: "TRACEDKEY", SecretKey: "TRACEDSECRET", Projects: []string{"p1"}})
	api.Add(emulator.Instance{ID: "i1", ProjectID: "p1", Nodes: []emulator.Node{{ID: "n1", Role: "redis-server", Type: "master"}}})
	api.SetFaults(
		emulator.Fault{Operation: "list_instances", Status: http.StatusBadGateway, Times: 1},
		emulator.Fault{Operation: "list_nodes", Status: http.StatusForbidden, Code: "DCS.2003", Message: "TRACEDSECRET is of no use"},
	)
	server := httptest.NewServer(api)
	defer func() {
		api.Close()
		server.Close()
	}()
	client := dcsapi.New(dcsapi.Options{
		Region: "cn-north-4", Endpoint: server.URL, ProjectID: "p1",
		Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "TRACEDKEY"}, dcsapi.Secret{Value: "TRACEDSECRET"}, dcsapi.Secret{}),
	})
	defer client.Close()
	trace := new(dcsapi.Trace)
	ctx := dcsapi.WithTrace(t.Context(), trace)
	if _, err := client.ListInstances(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ListNodes(ctx, "i1"); err == nil {
		t.Fatal("it is not refused")
	}
	dcsapi.TraceOf(ctx).Step("n1", "step")
	dcsapi.TraceOf(t.Context()).Step("n1", "nobody wants to know")
	if _, err := client.ListInstances(t.Context()); err != nil {
		t.Fatal(err)
	}

	exchanges, steps, lost := trace.Recorded()
	if len(steps) != 1 || steps[0].Text != "step" || lost != 0 {
		t.Errorf("steps %v, %d lost", steps, lost)
	}
	if len(exchanges) != 3 {
		t.Fatalf("%d attempts: %+v", len(exchanges), exchanges)
	}
	for i, want := range []struct {
		operation string
		status    int
		failed    bool
	}{{"list_instances", 502, true}, {"list_instances", 200, false}, {"list_nodes", 403, true}} {
		got := exchanges[i]
		if got.Operation != want.operation || got.Status != want.status || (got.Err != nil) != want.failed || got.Took <= 0 || got.Begun.IsZero() || (got.RequestID == "" && got.Status == 200) {
			t.Errorf("attempt %d: %+v", i, got)
		}
		if got.Err != nil && strings.Contains(got.Err.Error(), "TRACEDSECRET") {
			t.Errorf("a secret: %v", got.Err)
		}
	}
}
