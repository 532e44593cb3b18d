package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/sessiontable"
)

// TestSessions runs the command against an emulated API and checks its output,
// exit code and requests.
func TestSessions(t *testing.T) {
	api := emulator.New(emulator.Options{})
	api.SetKey(emulator.DemoKey())
	var many emulator.Static
	for i := range 2500 {
		many = append(many, emulator.Session{ID: fmt.Sprint(i + 1), Addr: fmt.Sprintf("10.0.0.%d:%d", i%5, 1024+i), OMem: int64(i) << 20, Age: int64(i), Multi: -1, Flags: "N", Cmd: "get"})
	}
	many[0].Name = "\x1b]0;owned\a"
	many[1].Name = "=cmd|x"
	node := func(id string, s emulator.Source) emulator.Node {
		return emulator.Node{ID: id, Name: id + "-name", Role: "redis-server", Type: "master", Sessions: s}
	}
	project := emulator.DemoKey().Projects[0]
	fleet := []emulator.Instance{
		{ID: "instance-1", ProjectID: project, Name: "orders", Nodes: []emulator.Node{node("node-1", many)}},
		{ID: "instance-2", ProjectID: project, Name: "twin", Nodes: []emulator.Node{node("node-2", nil), node("node-3", nil)}},
		{ID: "instance-3", ProjectID: project, Name: "twin", Nodes: []emulator.Node{node("node-4", nil)}},
		{ID: "instance-4", ProjectID: project, Name: "namesakes", Nodes: []emulator.Node{
			{ID: "node-5", Name: "same", Role: "redis-server", Type: "master", Sessions: many[2400:]}, {ID: "node-6", Name: "same", Role: "redis-server", Type: "master", Sessions: many[:50]},
		}},
	}
	api.Add(fleet...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	text, _, _ := strings.Cut(emulator.DemoConfig(server.URL, fleet), "client_groups:") // whose column takes room
	config := "--config.file=" + write(t, text)
	off := "--config.file=" + write(t, text+"scan: {mode: off}\n")
	const never = "take one (--scan"
	for _, tt := range []struct {
		name   string
		args   []string
		stdout []string // parts of it
		err    string   // a part of it, "" for none
		code   int
		scans  int
	}{
		{"no instance", []string{config}, nil, "required flag(s) '--instance' not provided", 2, 0},
		{"no such sort", []string{config, "--instance=orders", "--sort=size"}, nil, `invalid --sort "size": must be one of id, addr`, 2, 0},
		{"nearly a sort", []string{config, "--instance=orders", "--sort=idel"}, nil, "did you mean idle?", 2, 0},
		{"no such order", []string{config, "--instance=orders", "--order=up"}, nil, `invalid --order "up": must be one of asc, desc`, 2, 0},
		{"no such output", []string{config, "--instance=orders", "-o", "xml"}, nil, `invalid --output "xml": must be one of table, wide, json, csv`, 2, 0},
		{"no such limit", []string{config, "--instance=orders", "--limit=0"}, nil, "invalid --limit 0: must be between 1 and 1000000", 2, 0},
		{"no such offset", []string{config, "--instance=orders", "--offset=-1"}, nil, "invalid --offset -1: must be between 0 and 2147483647", 2, 0},
		{"a fraction", []string{config, "--instance=orders", "--limit=1.9"}, nil, `invalid --limit "1.9": not a whole number`, 2, 0},
		{"too large", []string{config, "--instance=orders", "--offset=9223372036854775808"}, nil, "or too large", 2, 0},
		{"no more than there can be", []string{config, "--instance=orders", "--limit=1000001"}, nil, "invalid --limit 1000001: must be between 1 and 1000000", 2, 0},
		{"no address", []string{config, "--instance=orders", "--addr=10.0.0.0/33"}, nil, "--addr must be an IP, IP:port or a range such as 10.0.0.0/8", 2, 0},
		{"an empty instance", []string{config, "--instance="}, nil, "instance is empty", 2, 0},
		{"no such timeout", []string{config, "--instance=orders", "--timeout=1ms"}, nil, "invalid --timeout 1ms: must be between 1s and 10m", 2, 0},
		{"no duration", []string{config, "--instance=orders", "--timeout=5"}, nil, `invalid --timeout "5": not a duration`, 2, 0},
		{"no such file", []string{"--config.file=/nonexistent", "--instance=orders"}, nil, "no such file", 2, 0},
		{"no such instance", []string{config, "--instance=nothing"}, nil, "  instance-1 orders\n  instance-2 twin", 1, 0},
		{"two of a name", []string{config, "--instance=twin"}, nil, "use the id of one", 1, 0},
		{"several nodes", []string{config, "--instance=instance-2"}, nil, "choose one by its id or name, or all\n  NODE    NAME         TYPE\n  node-2  node-2-name  master\n  node-3  node-3-name  master", 1, 0},
		{"no such node", []string{config, "--instance=instance-2", "--node=node-x"}, nil, `--node: the instance has no node "node-x" that holds sessions; did you mean node-2?`, 1, 0},
		{"nodes of one name", []string{config, "--instance=instance-4", "--node=same"}, nil, `several nodes have the name "same": choose one by its id`, 1, 0},
		{"nearly an instance", []string{config, "--instance=oders"}, nil, `--instance: no instance "oders" is configured or discovered; did you mean orders? Known instances:`, 1, 0},
		{"never scanned", []string{config, "--instance=orders"}, nil, never, 1, 0},
		{"scans are off", []string{off, "--instance=orders", "--scan"}, nil, "scan.mode is off", 1, 0},
		{"a scan", []string{config, "--instance=orders", "--scan", "--limit=2"}, []string{
			"orders (instance-1), node node-1-name (node-1)\nSessions 1 to 2 of 2500, by id asc; the list was taken ",
			"ID  ADDR           NAME", " 1  10.0.0.0:1024  \\x1b]0;owned\\a", " 2  10.0.0.1:1025  =cmd|x", "1.0 MiB",
		}, "", 0, 1},
		{"no scan", []string{config, "--instance=instance-1", "--sort=omem", "--limit=1"}, []string{"Sessions 1 to 1 of 2500, by omem desc", "2500", "2.4 GiB", "41m39s"}, "", 0, 0},
		{"an id in capitals", []string{config, "--instance=INSTANCE-1", "--limit=1"}, []string{"instance-1", ", node node-1-name (node-1)\n"}, "", 0, 0}, // with its name, if the list of instances has come
		{"IPv4 within IPv6", []string{config, "--instance=orders", "--addr=::ffff:10.0.0.3"}, []string{"Sessions 1 to 20 of 500 from 10.0.0.3"}, "", 0, 0},
		{"a list that is young", []string{config, "--instance=orders", "--scan"}, []string{"Sessions 1 to 20 of 2500"}, "", 0, 0},
		{"rising", []string{config, "--instance=orders", "--sort=omem", "--order=asc", "--offset=2499"}, []string{"Sessions 2500 to 2500 of 2500, by omem asc"}, "", 0, 0},
		{"past the end", []string{config, "--instance=orders", "--offset=9000"}, []string{"No sessions from 9001 on of 2500"}, "", 0, 0},
		{"an address", []string{config, "--instance=orders", "--addr=10.0.0.3"}, []string{"Sessions 1 to 20 of 500 from 10.0.0.3"}, "", 0, 0},
		{"a node by its name", []string{config, "--instance=orders", "--node=node-1-name", "--limit=1"}, []string{"Sessions 1 to 1 of 2500"}, "", 0, 0},
		{"a range", []string{config, "--instance=orders", "--addr=10.0.0.2/31"}, []string{"Sessions 1 to 20 of 1000 from 10.0.0.2/31"}, "", 0, 0},
		{"a range within IPv6", []string{config, "--instance=orders", "--addr=::ffff:10.0.0.4/128", "--offset=499"}, []string{"Sessions 500 to 500 of 500 from 10.0.0.4/32"}, "", 0, 0},
		{"a name", []string{config, "--instance=orders", "--name==cmd*"}, []string{"Sessions 1 to 1 of 1 with name =cmd*"}, "", 0, 0},
		{"a command", []string{config, "--instance=orders", "--cmd=GET", "--user=nobody"}, []string{"No sessions of 0 with user nobody with command GET"}, "", 0, 0},
		{"all nodes", []string{config, "--instance=namesakes", "--node=all", "--scan", "--sort=omem", "--limit=101"}, []string{
			"namesakes (instance-4), all nodes\nSessions 1 to 101 of 150, by omem desc", "NODE    ID", "\nsame  2500  ", "\nsame    50  ",
		}, "", 0, 2},
		{"all nodes, further on", []string{config, "--instance=namesakes", "--node=all", "--sort=id", "--order=desc", "--offset=149", "-o", "json"}, []string{
			`"node_id": "all"`, `"node_id": "node-6",`, `"node_name": "same",`, `"id": 1,`, `"count": 150`,
		}, "", 0, 0},
		{"all nodes of one", []string{config, "--instance=orders", "--node=all", "--limit=1", "-o", "csv"}, []string{"instance-1,node-1,2"}, "", 0, 0},
		{"wide", []string{config, "--instance=orders", "-o", "wide", "--limit=1", "--sort=multi"}, []string{"MULTI"}, "", 0, 0},
		{"csv", []string{config, "--instance=orders", "-o", "csv", "--limit=2"}, []string{"instance_id,node_id,time,id,addr,", "instance-1,node-1,2", `,\x1b]0;owned\a,`, ",'=cmd|x,", ",-1,"}, "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api.ResetRequests()
			var stdout, stderr output
			err := run(t.Context(), append([]string{"sessions"}, tt.args...), &stdout, &stderr)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if err != nil && exitCode(err) != tt.code {
				t.Errorf("exit code %d, want %d", exitCode(err), tt.code)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("no %q in\n%s", part, stdout.String())
				}
			}
			if len(tt.stdout) == 0 && stdout.String() != "" {
				t.Errorf("it writes %q", stdout.String())
			}
			if strings.ContainsAny(stdout.String(), "\x1b\a") {
				t.Errorf("a control character is in %q", stdout.String())
			}
			scans := 0
			for _, r := range api.Requests() {
				if r.Operation == "scan_clients" {
					scans++
				}
			}
			if scans != tt.scans {
				t.Errorf("%d scans, want %d", scans, tt.scans)
			}
		})
	}
	t.Run("a scan is not sent after a refusal", func(t *testing.T) {
		defer api.ClearFaults()
		api.SetFaults(emulator.Fault{Operation: "list_clients", Status: http.StatusForbidden, Code: "DCS.2003"})
		api.ResetRequests()
		err := run(t.Context(), []string{"sessions", config, "--instance=orders", "--scan"}, new(output), new(output))
		if err == nil || !strings.Contains(err.Error(), "dcs:clients:list") || api.Counts()["scan_clients"] != 0 {
			t.Errorf("got %v, and %d scans", err, api.Counts()["scan_clients"])
		}
	})
	t.Run("pages repeat", func(t *testing.T) {
		defer api.ClearFaults()
		var first []byte
		api.SetFaults(emulator.Fault{Operation: "list_clients", Rewrite: func(body []byte) []byte {
			if first == nil {
				first = body
			}
			return first
		}})
		var stdout output
		err := run(t.Context(), []string{"sessions", config, "--instance=orders", "--limit=2500"}, &stdout, new(output))
		if dcsapi.ReasonOf(err) != dcsapi.ReasonInconsistent || stdout.String() != "" {
			t.Errorf("got %v\n%.300s", err, stdout.String())
		}
	})
	t.Run("as documented", func(t *testing.T) { runDocumented(t, config) })
	t.Run("more than a page", func(t *testing.T) {
		var stdout output
		if err := run(t.Context(), []string{"sessions", config, "--instance=orders", "-o", "json", "--limit=2200", "--offset=100"}, &stdout, new(output)); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Time     string  `json:"time"`
			Age      float64 `json:"age_seconds"`
			Count    int
			Changed  bool
			Sessions []struct {
				ID   int
				OMem int64
			}
		}
		if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil {
			t.Fatal(err)
		}
		if got.Time == "" || got.Count != 2500 || got.Changed || len(got.Sessions) != 2200 || got.Sessions[0].ID != 101 || got.Sessions[2199].ID != 2300 || got.Sessions[2199].OMem != 2299<<20 {
			t.Errorf("%s %d %v %d", got.Time, got.Count, got.Changed, len(got.Sessions))
		}
	})
}

// runDocumented runs the commands that the README and the runbooks show, and
// checks their links to /sessions.
func runDocumented(t *testing.T, config string) {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	known := regexp.MustCompile(`^(instance|node|addr|user|name|cmd|sort|order|limit|offset|format)$`)
	stand := strings.NewReplacer("--config.file=config.yml", config, "prod-orders-ha", "orders", "…", "node-1", "ID", "instance-1", "NODE", "node-1", "ADDR", "10.0.0.1")
	commands, links := 0, 0
	for _, file := range append(files, "README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range regexp.MustCompile("(?m)(?:^|`)dcs_session_exporter (sessions -[^`\n]*)").FindAllStringSubmatch(string(text), -1) {
			commands++
			args := strings.Fields(stand.Replace(command[1]))
			if !slices.Contains(args, config) {
				args = append(args, config)
			}
			var stdout output
			if err := run(t.Context(), args, &stdout, new(output)); err != nil || !strings.Contains(stdout.String(), "Sessions 1 to ") {
				t.Errorf("%s: %s: %v\n%s", file, command[1], err, stdout.String())
			}
		}
		for _, link := range regexp.MustCompile("/sessions\\?([^`\\s)]*)").FindAllStringSubmatch(string(text), -1) {
			links++
			values, err := url.ParseQuery(strings.Replace(link[1], "ADDR", "10.0.0.1", 1))
			if err != nil {
				t.Errorf("%s: %s: %v", file, link[0], err)
			}
			if _, err := sessiontable.ParseQuery(values); err != nil {
				t.Errorf("%s: %s: %v", file, link[0], err)
			}
			for name := range values {
				if !known.MatchString(name) {
					t.Errorf("%s: %s: there is no parameter %s", file, link[0], name)
				}
			}
		}
	}
	if commands < 5 || links < 5 {
		t.Errorf("only %d commands and %d links were found", commands, links)
	}
}
