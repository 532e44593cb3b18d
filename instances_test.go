package main

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/instancetable"
)

// TestInstancesOfDemo checks the command's formats on a fleet with all kinds of
// instances.
func TestInstancesOfDemo(t *testing.T) {
	written := func(format string) string {
		t.Helper()
		var stdout output
		if err := run(t.Context(), []string{"instances", "--demo", "-o", format}, &stdout, new(output)); err != nil {
			t.Fatal(err)
		}
		return stdout.String()
	}
	table := written("table")
	for _, want := range []string{
		"ID                                      NODE", "d0c50001-0002-4000-8000-0000000f4a10  prod-orders-ha  Redis 6.0  RUNNING\n",
		"  d0c50002-0004-4003-8000-0000001e9423  …xy-master-3  master  no: behind a proxy\n", "test-restarting  Redis 6.0  RESTARTING\n  no: not running\n", "master  yes\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	wantNarrow(t, table)
	if wide := written("wide"); !strings.Contains(wide, "PROJECT_ID") || !strings.Contains(wide, "192.168.1.10") {
		t.Errorf("got\n%s", wide)
	}
	rows, err := csv.NewReader(strings.NewReader(written("csv"))).ReadAll()
	if err != nil || len(rows) != 1+18 {
		t.Errorf("%v, %d rows", err, len(rows))
	}
	var all instancetable.Table
	if err := json.Unmarshal([]byte(written("json")), &all); err != nil {
		t.Fatal(err)
	}
	nodes, read := 0, 0
	for _, i := range all.Instances {
		nodes += len(i.Nodes)
		for _, n := range i.Nodes {
			if n.Read {
				read++
			}
			if n.Read == (n.NotRead != "") || n.ID == "" || n.Name == "" || n.Type == "" || n.Status == "" {
				t.Errorf("got %+v", n)
			}
		}
	}
	if len(all.Instances) != 7 || nodes != 18 || read != 13 || len(all.Problems) != 0 {
		t.Errorf("%d instances, %d nodes, %d read, problems %q", len(all.Instances), nodes, read, all.Problems)
	}
}

// wantNarrow checks that a text fits a terminal of 80 columns.
func wantNarrow(t *testing.T, text string) {
	t.Helper()
	if slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return utf8.RuneCountInString(line) > 80 }) {
		t.Errorf("a line is longer than 80 columns:\n%s", text)
	}
}

// TestInstances checks what the command says of replicas, of nodes that the
// configuration chooses, and of what cannot be listed.
func TestInstances(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	node := func(id, kind string) emulator.Node {
		return emulator.Node{ID: id, Name: strings.Repeat("long-", 20) + id, Role: "redis-server", Type: kind}
	}
	project := emulator.DemoKey().Projects[0]
	api.Add(
		emulator.Instance{ID: "instance-1", ProjectID: project, Name: "=evil\x1b", Nodes: []emulator.Node{node("node-1", "master"), node("node-2", "slave")}},
		emulator.Instance{ID: "instance-2", ProjectID: project, Name: "chosen-" + strings.Repeat("long-", 20), Nodes: []emulator.Node{node("node-3", "master"), node("node-4", "master")}},
	)
	server := httptest.NewServer(api)
	defer func() {
		api.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	}()
	text := emulator.DemoConfig(server.URL, nil)
	text = strings.Replace(text, "    instances:\n", "    read_replicas: false\n    instances: [{id: instance-1}, {id: instance-2, nodes: [node-4, node-9]}, {id: instance-3}]\n", 1)
	config := "--config.file=" + write(t, text)
	var stdout output
	err := run(t.Context(), []string{"instances", config}, &stdout, new(output))
	if err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), "not everything is known:\nlist nodes of instance instance-3") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"no: a replica", "no: not in nodes", "  node-9", "instance-3  yes, but not on the project's list of instances", `=evil\x1b`} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	wantNarrow(t, stdout.String())
	stdout = output{}
	if err := run(t.Context(), []string{"instances", config, "-o", "csv"}, &stdout, new(output)); err == nil || !strings.Contains(stdout.String(), `,'=evil\x1b,`) {
		t.Errorf("%v\n%s", err, stdout.String())
	}

	api.SetFaults(emulator.Fault{Status: 403, Code: "DCS.2003", Message: "no"})
	stdout = output{}
	err = run(t.Context(), []string{"instances", "--config.file=" + write(t, strings.Replace(text, "instances: [{id: instance-1}, {id: instance-2, nodes: [node-4, node-9]}, {id: instance-3}]", "discover: {}", 1))}, &stdout, new(output))
	if err == nil || !strings.Contains(err.Error(), "DCS.2003") || stdout.String() != "" {
		t.Errorf("got %v\n%s", err, stdout.String())
	}
}
