package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

// TestSessionsOfGroups checks the column and the filter of groups on the command
// line, with the demo's groups.
func TestSessionsOfGroups(t *testing.T) {
	of := func(args ...string) (string, error) {
		var stdout, stderr output
		err := run(t.Context(), append([]string{"sessions", "--demo", "--instance=prod-orders-ha", "--node=prod-orders-ha-master-1"}, args...), &stdout, &stderr)
		return stdout.String(), err
	}
	text, err := of("--group=inventory", "--output=json")
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Group    string
		Searched int
		Sessions []map[string]any
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || page.Group != "inventory" || len(page.Sessions) != 20 || page.Searched < 100 {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, s := range page.Sessions {
		if s["group"] != "inventory" || s["user"] != "inventory" {
			t.Errorf("got %v", s)
		}
	}

	text, err = of("--output=csv", "--limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || rows[0][len(rows[0])-1] != "group" {
		t.Fatalf("%v in\n%s", err, text)
	}
	groups := make(map[string]bool)
	for _, row := range rows[1:] {
		groups[row[len(row)-1]] = true
	}
	for _, group := range []string{"inventory", "checkout", "web", "workers", "ungrouped"} {
		if !groups[group] {
			t.Errorf("no session of group %s", group)
		}
	}

	if text, err = of(); err != nil || !strings.Contains(text, "GROUP") {
		t.Errorf("got %v, %s", err, text)
	}
	if text, err = of("--group=work*"); err != nil || !strings.Contains(text, "workers") || !strings.Contains(text, "of group work*") || strings.Contains(text, "checkout") {
		t.Errorf("got %v, %s", err, text)
	}
	if _, err = of("--group=inventry"); err == nil || exitCode(err) != 2 || !strings.Contains(err.Error(), `--group: there is no group "inventry"; did you mean inventory? The groups are inventory, checkout`) {
		t.Errorf("got %v", err)
	}
}
