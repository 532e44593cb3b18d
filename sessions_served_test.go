package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestSessionsAsServed runs the command against APIs that deviate from their
// documentation. It shows every session once.
func TestSessionsAsServed(t *testing.T) {
	var many emulator.Static
	for i := range 2345 {
		many = append(many, emulator.Session{ID: fmt.Sprint(i + 1), Addr: fmt.Sprintf("10.0.0.%d:%d", i%5, 1024+i), FD: fmt.Sprint(8 + i), Flags: "N", Cmd: "get", Multi: -1})
	}
	project := emulator.DemoKey().Projects[0]
	fleet := []emulator.Instance{{ID: "instance-1", ProjectID: project, Nodes: []emulator.Node{{ID: "node-1", Role: "redis-server", Type: "master", Sessions: many}}}}
	for _, tt := range []struct {
		name    string
		api     emulator.Options
		limit   int
		want    int
		undated bool
		err     string
	}{
		{"as documented", emulator.Options{}, 5000, 2345, false, ""},
		{"100 a page", emulator.Options{PageCap: 100}, 5000, 2345, false, ""},
		{"100 a page, part of it", emulator.Options{PageCap: 100}, 1234, 1234, false, ""},
		{"999 a page", emulator.Options{PageCap: 999}, 5000, 2345, false, ""},
		{"some hidden", emulator.Options{HidePerPage: 1}, 5000, 2342, false, ""},
		{"some hidden, 100 a page", emulator.Options{HidePerPage: 2, PageCap: 100}, 5000, 2297, false, ""},
		{"counted but not listed", emulator.Options{HiddenSessions: 2}, 5000, 2345, false, ""},
		{"ids repeat", emulator.Options{RepeatIDs: true}, 5000, 2345, false, ""},
		{"ids repeat, 999 a page", emulator.Options{RepeatIDs: true, PageCap: 999}, 5000, 2345, false, ""},
		{"no time", emulator.Options{TimeForm: "none"}, 5000, 2345, true, ""},
		{"time in seconds", emulator.Options{TimeForm: "seconds"}, 5000, 2345, false, ""},
		{"a byte order mark", emulator.Options{BOM: true}, 5000, 2345, false, ""},
		{"ids in capitals", emulator.Options{UpperIDs: true}, 5000, 2345, false, ""},
		{"pages repeat", emulator.Options{RepeatPages: true}, 5000, 0, false, "only sessions of earlier pages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := emulator.New(tt.api)
			api.SetKey(emulator.DemoKey())
			api.Add(fleet...)
			server := httptest.NewServer(api)
			defer func() {
				api.Close()
				server.Close()
				http.DefaultClient.CloseIdleConnections()
			}()
			config := "--config.file=" + write(t, emulator.DemoConfig(server.URL, fleet)+"scrape_timeout: 1m\n")
			var stdout output
			err := run(t.Context(), []string{"sessions", config, "--instance=instance-1", "--scan", "--timeout=1m", "--output=json", fmt.Sprintf("--limit=%d", tt.limit)}, &stdout, new(output))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Changed    bool     `json:"changed"`
				Unreadable int      `json:"unreadable"`
				Age        *float64 `json:"age_seconds"`
				Sessions   []struct {
					Addr string
					FD   int
				} `json:"sessions"`
			}
			if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil {
				t.Fatal(err)
			}
			distinct := make(map[string]bool)
			for _, s := range got.Sessions {
				distinct[fmt.Sprint(s.Addr, " ", s.FD)] = true
			}
			if len(got.Sessions) != tt.want || len(distinct) != tt.want || got.Unreadable != 0 || got.Changed || (got.Age == nil) != tt.undated {
				t.Errorf("%d sessions, %d distinct, %d unreadable, changed %v, age known %v; want %d, age known %v",
					len(got.Sessions), len(distinct), got.Unreadable, got.Changed, got.Age != nil, tt.want, !tt.undated)
			}
		})
	}
}
