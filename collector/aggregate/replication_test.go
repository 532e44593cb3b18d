package aggregate_test

import (
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestReplicationLinks checks which sessions are links that Redis opens itself.
// They are counted among the sessions of their user and client too, and never
// idle.
func TestReplicationLinks(t *testing.T) {
	for _, tt := range []struct {
		name        string
		user, flags string
		want        int64
	}{
		{"a replica, on its master", "default", "S", 1},
		{"a replica with masteruser, on its master", "repl", "S", 1},
		{"the master, on its replica", "(superuser)", "M", 1},
		{"the master, without flags", "(superuser)", "", 1},
		{"several flags", "default", "SO", 1},
		{"a client", "default", "N", 0},
		{"a client that waits", "default", "PbO", 0},
		{"a client without a user", "", "N", 0},
		{"small letters are other flags", "default", "sm", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			link := dcsapi.Session{User: tt.user, Addr: "10.0.0.1:1", Flags: tt.flags, Idle: 1e6, Present: allNumbers}
			client := dcsapi.Session{User: tt.user, Addr: "10.0.0.1:2", Flags: "N", Present: allNumbers}
			if tt.user == "(superuser)" {
				client.User = "default"
			}
			s := addUp(testOptions(), link, client)
			var links, sessions, clientLinks, clientSessions int64
			for _, u := range s.Users {
				links, sessions = links+u.Replication, sessions+u.Sessions
				if u.Replication > 0 && (u.User != tt.user || u.IdleLong.Total != 0) {
					t.Errorf("got %+v", u)
				}
			}
			for _, c := range s.Clients {
				clientLinks, clientSessions = clientLinks+c.Replication, clientSessions+c.Sessions
			}
			if links != tt.want || clientLinks != tt.want || sessions != 2 || clientSessions != 2 {
				t.Errorf("got %d links of %d sessions by user, %d of %d by client; want %d of 2", links, sessions, clientLinks, clientSessions, tt.want)
			}
		})
	}
}
