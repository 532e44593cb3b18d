package emulator

import (
	"strings"
	"testing"
)

func TestParseClient(t *testing.T) {
	// A line of Redis 7.0.15.
	line := "id=14 addr=127.0.3.1:51042 laddr=127.0.0.1:6379 fd=20 name=orders-api age=3 idle=2 flags=xb db=5 sub=1 psub=2 ssub=0 multi=-1 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=7 oll=3 omem=3221225472 tot-mem=22298 events=rw cmd=client|list user=alice redir=-1 resp=2"
	got, err := parseClient(line)
	want := Session{
		ID: "14", Addr: "127.0.3.1:51042", Peer: "127.0.3.1:51042", FD: "20", Name: "orders-api", Age: 3, Idle: 2, Flags: "xb", DB: "5",
		Sub: 1, PSub: 2, Multi: -1, QBuf: 26, QBufFree: 20448, OBL: 7, OLL: 3, OMem: 3 << 30, Events: "rw", Cmd: "client|list", User: "alice", Network: "vpc",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "id", "addr=127.0.0.1:1", "id=1 age=old", "id=1 omem=99999999999999999999"} {
		if s, err := parseClient(bad); err == nil {
			t.Errorf("%q: no error but %+v", bad, s)
		}
	}
}

func FuzzParseClient(f *testing.F) {
	f.Add("id=1 addr=[::1]:5 name= age=1 cmd=NULL user=default")
	f.Add("id=1 = age=-")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseClient(line)
		if err == nil && (s.ID == "" || !strings.Contains(line, "id="+s.ID)) {
			t.Errorf("%q became %+v", line, s)
		}
	})
}
