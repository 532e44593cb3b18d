package emulator_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// clientList is an answer of Redis 7.0.15 to CLIENT LIST.
const clientList = `id=18 addr=127.0.3.1:34161 laddr=127.0.0.1:16399 fd=8 name=orders-api age=1 idle=1 flags=N db=5 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22272 events=r cmd=select user=alice redir=-1 resp=2
id=19 addr=127.0.0.1:39184 laddr=127.0.0.1:16399 fd=9 name= age=1 idle=1 flags=x db=0 sub=0 psub=0 ssub=0 multi=2 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=58 rbs=1024 rbp=9 obl=0 oll=0 omem=0 tot-mem=22378 events=r cmd=set user=default redir=-1 resp=2
id=5 addr=127.0.0.1:49332 laddr=127.0.0.1:16399 fd=9 name= age=1 idle=1 flags=P db=0 sub=2 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22352 events=r cmd=subscribe user=default redir=-1 resp=2
id=6 addr=127.0.0.1:49342 laddr=127.0.0.1:16399 fd=8 name= age=1 idle=1 flags=P db=0 sub=0 psub=1 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22296 events=r cmd=psubscribe user=default redir=-1 resp=2
id=20 addr=127.0.0.1:39190 laddr=127.0.0.1:16399 fd=11 name= age=1 idle=1 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=4 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=1800 events=r cmd=NULL user=default redir=-1 resp=2
id=21 addr=127.0.0.1:39206 laddr=127.0.0.1:16399 fd=12 name= age=1 idle=1 flags=tB db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22304 events=r cmd=client|tracking user=default redir=0 resp=2
id=23 addr=127.0.0.1:39236 laddr=127.0.0.1:16399 fd=14 name= age=1 idle=1 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=16384 rbp=16384 obl=0 oll=452 omem=9267808 tot-mem=9305440 events=rw cmd=get user=default redir=-1 resp=2
id=16 addr=127.0.0.1:49438 laddr=127.0.0.1:16399 fd=20 name= age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=13 qbuf-free=20461 argv-mem=10 multi-mem=0 rbs=16384 rbp=16384 obl=0 oll=0 omem=0 tot-mem=37658 events=r cmd=client|list user=default redir=-1 resp=2
`

// clientSessions is clientList in the API's form.
var clientSessions = []emulator.Session{
	{ID: "18", Addr: "127.0.3.1:34161", Peer: "127.0.3.1:34161", FD: "8", Name: "orders-api", Age: 1, Idle: 1, Flags: "N", DB: "5", Multi: -1, QBufFree: 20474, Events: "r", Cmd: "select", User: "alice", Network: "vpc"},
	{ID: "19", Addr: "127.0.0.1:39184", Peer: "127.0.0.1:39184", FD: "9", Age: 1, Idle: 1, Flags: "x", DB: "0", Multi: 2, QBufFree: 20474, Events: "r", Cmd: "set", User: "default", Network: "vpc"},
	{ID: "5", Addr: "127.0.0.1:49332", Peer: "127.0.0.1:49332", FD: "9", Age: 1, Idle: 1, Flags: "P", DB: "0", Sub: 2, Multi: -1, QBufFree: 20474, Events: "r", Cmd: "subscribe", User: "default", Network: "vpc"},
	{ID: "6", Addr: "127.0.0.1:49342", Peer: "127.0.0.1:49342", FD: "8", Age: 1, Idle: 1, Flags: "P", DB: "0", PSub: 1, Multi: -1, QBufFree: 20474, Events: "r", Cmd: "psubscribe", User: "default", Network: "vpc"},
	{ID: "20", Addr: "127.0.0.1:39190", Peer: "127.0.0.1:39190", FD: "11", Age: 1, Idle: 1, Flags: "N", DB: "0", Multi: -1, QBufFree: 4, Events: "r", Cmd: "NULL", User: "default", Network: "vpc"},
	{ID: "21", Addr: "127.0.0.1:39206", Peer: "127.0.0.1:39206", FD: "12", Age: 1, Idle: 1, Flags: "tB", DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Cmd: "client|tracking", User: "default", Network: "vpc"},
	{ID: "23", Addr: "127.0.0.1:39236", Peer: "127.0.0.1:39236", FD: "14", Age: 1, Idle: 1, Flags: "N", DB: "0", Multi: -1, QBufFree: 20474, OLL: 452, OMem: 9267808, Events: "rw", Cmd: "get", User: "default", Network: "vpc"},
	{ID: "16", Addr: "127.0.0.1:49438", Peer: "127.0.0.1:49438", FD: "20", Flags: "N", DB: "0", Multi: -1, QBuf: 13, QBufFree: 20461, Events: "r", Cmd: "client|list", User: "default", Network: "vpc"},
}

// unix returns a session on a Unix socket, with the fields that matter here.
func unix(addr, name string) emulator.Session {
	return emulator.Session{ID: "7", Addr: addr, Peer: addr, FD: "9", Name: name, Age: 5, Flags: "U", Network: "vpc"}
}

func TestParseClientList(t *testing.T) {
	got, err := emulator.ParseClientList(clientList)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, clientSessions) {
		t.Errorf("got  %+v\nwant %+v", got, clientSessions)
	}
	tests := []struct {
		name, line string
		want       emulator.Session
	}{
		{"IPv6", "id=7 addr=[::1]:42714 fd=9", emulator.Session{ID: "7", Addr: "[::1]:42714", Peer: "[::1]:42714", FD: "9", Network: "vpc"}},
		{"unix socket", "id=7 addr=/tmp/redis.sock:0 fd=9 flags=U", emulator.Session{ID: "7", Addr: "/tmp/redis.sock:0", Peer: "/tmp/redis.sock:0", FD: "9", Flags: "U", Network: "vpc"}},
		{"unix socket in a directory with spaces", "id=7 addr=/var/run/my redis/redis.sock:0 laddr=/var/run/my redis/redis.sock:0 fd=9 name=a age=5 flags=U", unix("/var/run/my redis/redis.sock:0", "a")},
		{"such a socket before Redis 6.2", "id=7 addr=/var/run/my redis/redis.sock:0 fd=9 name=a age=5 flags=U", unix("/var/run/my redis/redis.sock:0", "a")},
		{"a relative path", "id=7 addr=my redis.sock:0 laddr=my redis.sock:0 fd=9 name=a age=5 flags=U", unix("my redis.sock:0", "a")},
		{"a path that looks like fields", "id=7 addr=/a fd=1 name=x laddr=y age=z/s=:0 laddr=/a fd=1 name=x laddr=y age=z/s=:0 fd=9 name=a age=5 flags=U", unix("/a fd=1 name=x laddr=y age=z/s=:0", "a")},
		{"a path with two spaces, and at its end", "id=7 addr=/a  b/s :0 laddr=/a  b/s :0 fd=9 name= age=5 flags=U", unix("/a  b/s :0", "")},
		{"a path with a port", "id=7 addr=/a:6379 b/s:0 laddr=/a:6379 b/s:0 fd=9 name=a age=5 flags=U", unix("/a:6379 b/s:0", "a")},
		{"a name like a port", "id=7 addr=/s:0 laddr=/s:0 fd=9 name=host:5 age=5 flags=U", unix("/s:0", "host:5")},
		{"a name like an address", "id=7 addr=/s:0 laddr=/s:0 fd=9 name=addr=10.0.0.1:5 age=5 flags=U", unix("/s:0", "addr=10.0.0.1:5")},
		{"a name like a field", "id=7 addr=/s:0 laddr=/s:0 fd=9 name=fd=3 age=5 flags=U", unix("/s:0", "fd=3")},
		{"no address", "id=7 addr= laddr=127.0.0.1:6379 fd=9 name=a age=5 flags=U", unix("", "a")},
		{"an address without a port", "id=7 addr=? fd=9 name=a age=5 flags=U", unix("?", "a")},
		{"before ACLs", "id=7 addr=10.0.0.1:5 name=a=b age=5 cmd=get", emulator.Session{ID: "7", Addr: "10.0.0.1:5", Peer: "10.0.0.1:5", Name: "a=b", Age: 5, Cmd: "get", Network: "vpc"}},
		{"all numbers", "id=1 age=1 idle=2 sub=3 psub=4 multi=5 qbuf=6 qbuf-free=7 obl=8 oll=9 omem=3221225472", emulator.Session{
			ID: "1", Age: 1, Idle: 2, Sub: 3, PSub: 4, Multi: 5, QBuf: 6, QBufFree: 7, OBL: 8, OLL: 9, OMem: 3 << 30, Network: "vpc",
		}},
		{"newer fields", "id=1 tot-net-in=5 lib-name=go io-thread=x", emulator.Session{ID: "1", Network: "vpc"}},
	}
	for _, tt := range tests {
		if got, err := emulator.ParseClientList(tt.line + "\r\n"); err != nil || len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
	for _, bad := range []string{"\n", "id", "id=", "addr=127.0.0.1:1", "id=1 age=old", "id=1 omem=99999999999999999999", "id=1 age=1\nid=2 age="} {
		if s, err := emulator.ParseClientList(bad); err == nil {
			t.Errorf("%q: no error but %+v", bad, s)
		}
	}
}

func FuzzParseClientList(f *testing.F) {
	f.Add("id=18 addr=127.0.3.1:34161 fd=8 name=orders-api flags=N omem=7 cmd=select user=alice\nid=2\n")
	f.Add("id=1 addr=[::1]:5 name= age=1 cmd=NULL user=default")
	f.Add("id=1 = age=-\n\n")
	f.Add("id=7 addr=/var/run/my redis/redis.sock:0 laddr=/var/run/my redis/redis.sock:0 fd=9 name=fd=3 age=5 flags=U")
	f.Fuzz(func(t *testing.T, text string) {
		sessions, err := emulator.ParseClientList(text)
		if err != nil {
			return
		}
		if lines := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; text != "" && len(sessions) != lines {
			t.Errorf("%q has %d lines and %d sessions", text, lines, len(sessions))
		}
		for _, s := range sessions {
			if s.ID == "" || !strings.Contains(text, "id="+s.ID) {
				t.Errorf("%q became %+v", text, s)
			}
		}
	})
}

// FuzzUnixSocketPaths checks that any socket path is parsed unchanged, and so is
// the name after it.
func FuzzUnixSocketPaths(f *testing.F) {
	f.Add("/var/run/my redis/redis.sock", "orders", true)
	f.Add("my redis.sock", "fd=3", false)
	f.Add("/a fd=1 name=x laddr=y age=z/s=", "addr=10.0.0.1:5", true)
	f.Add("/a:6379 b/s:0", "host:5", true)
	f.Add("= ", "0", true)
	f.Fuzz(func(t *testing.T, path, name string, laddr bool) {
		if path == "" || path[0] == ' ' || strings.ContainsAny(path, "\r\n") || strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' }) {
			t.Skip() // no such path, and no name that Redis accepts
		}
		if regexp.MustCompile(`:[0-9]+ (laddr=|fd=[0-9]+ )`).MatchString(path + ":0 ") {
			t.Skip() // it cannot be told from the end of an address
		}
		line := "id=7 addr=" + path + ":0"
		if laddr {
			line += " laddr=" + path + ":0"
		}
		got, err := emulator.ParseClientList(line + " fd=9 name=" + name + " age=5 flags=U\n")
		if want := unix(path+":0", name); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q: got %+v, %v; want %+v", line, got, err, want)
		}
	})
}
