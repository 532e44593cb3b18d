package sessiontable_test

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/sessiontable"
)

// lister serves lists of nodes from memory, sorted as they are.
type lister map[string][]dcsapi.Session

// ListClients implements sessiontable.Lister.
func (l lister) ListClients(_ context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	all := l[r.NodeID]
	from := min(r.Offset, len(all))
	part := all[from:min(from+r.Limit, len(all))]
	consume(func(yield func(*dcsapi.Session) bool) {
		for i := range part {
			if !yield(&part[i]) {
				return
			}
		}
	})
	return dcsapi.Page{Count: int64(len(all)), Sessions: len(part), Time: "1"}, nil
}

// named returns sessions with ids from 1 on.
func named(sessions ...dcsapi.Session) []dcsapi.Session {
	for i := range sessions {
		sessions[i].ID = fmt.Sprint(i + 1)
	}
	return sessions
}

// ids returns the ids of a page's sessions.
func ids(p *sessiontable.Page) string {
	var out []string
	for _, s := range p.Sessions {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

// TestSelection checks what patterns and ranges select.
func TestSelection(t *testing.T) {
	l := lister{"n": named(
		dcsapi.Session{Addr: "10.20.1.7:1", User: "orders", Name: "orders-api", Cmd: "get"},
		dcsapi.Session{Addr: "[::ffff:10.20.1.8]:2", User: "orders", Name: "api", Cmd: "client|list"},
		dcsapi.Session{Addr: "10.21.0.1:3", User: "default", Name: "*", Cmd: "GET"},
		dcsapi.Session{Addr: "[2001:db8::7]:4", User: "", Name: "", Cmd: ""},
		dcsapi.Session{Addr: "/run/redis.sock:0", User: "o", Name: "xapix", Cmd: "set"},
		dcsapi.Session{Addr: "[fe80::1%eth0]:6", User: "o", Name: "apiapi"},
	)}
	for query, want := range map[string]string{
		"addr=10.20.0.0/16": "1 2", "addr=10.20.1.8/16": "1 2", "addr=::ffff:10.20.1.0/120": "1 2", "addr=2001:db8::/32": "4", "addr=0.0.0.0/0": "1 2 3", "addr=::/0": "4 6", "addr=fe80::/10": "6",
		"user=orders": "1 2", "user=order": "", "user=o*": "1 2 5 6", "user=*": "1 2 3 4 5 6", "user=*s": "1 2",
		"name=*api": "1 2 6", "name=api*": "2 6", "name=*api*": "1 2 5 6", "name=*api*api*": "6", "name=a*i": "2 6", "name=api*api": "6", "name=o*-*i": "1", "name=ap*pi": "6",
		"cmd=get": "1 3", "cmd=GET": "1 3", "cmd=client*": "2", "user=orders&cmd=get": "1", "user=orders&addr=10.21.0.0/16": "",
		"user=*&limit=2&offset=3": "4 5", "user=*&offset=9": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := sessiontable.ParseQuery(values)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		p, err := sessiontable.Read(t.Context(), l, &fleet.Target{Instance: fleet.Instance{ID: "i"}}, dcsapi.Node{ID: "n"}, q)
		if err != nil || ids(p) != want || p.Searched != 6 || p.Cut {
			t.Errorf("%s: got %q, searched %d, cut %v, %v; want %q", query, ids(p), p.Searched, p.Cut, err, want)
		}
		if again, err := sessiontable.ParseQuery(q.Values()); err != nil || again != q {
			t.Errorf("%s: %+v becomes %+v, %v", query, q, again, err)
		}
	}
}

// TestSelectionIsBounded checks that a page says if not the whole list was
// searched.
func TestSelectionIsBounded(t *testing.T) {
	l := lister{"n": named(make([]dcsapi.Session, sessiontable.MaxSearched+1)...)}
	q := sessiontable.Query{User: "*", Limit: 10}.WithDefaults()
	p, err := sessiontable.Read(t.Context(), l, &fleet.Target{}, dcsapi.Node{ID: "n"}, q)
	if err != nil || !p.Cut || p.Searched != sessiontable.MaxSearched || p.Count != sessiontable.MaxSearched || !strings.Contains(p.Summary(), "only the first 20000 sessions were searched") {
		t.Errorf("%v, searched %d, cut %v", err, p.Searched, p.Cut)
	}
}

// TestReadAll checks the order of sessions of several nodes.
func TestReadAll(t *testing.T) {
	nodes := []dcsapi.Node{{ID: "a", Name: "first"}, {ID: "b"}}
	l := lister{
		"a": {{ID: "9", Age: 1, Name: "x"}, {ID: "10", Age: 7, Name: "b"}},
		"b": {{ID: "1", Age: 3, Name: "a"}, {ID: "11", Age: 7, Name: "c"}},
	}
	for query, want := range map[string]string{
		"sort=id": "1 9 10 11", "sort=id&order=desc": "11 10 9 1", "sort=age": "10 11 1 9", "sort=age&order=asc": "9 1 10 11", "sort=name": "1 10 11 9",
		"sort=id&limit=2&offset=1": "9 10", "sort=id&offset=4": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := sessiontable.ParseQuery(values)
		if err != nil {
			t.Fatal(err)
		}
		// Each node sorts by itself; here only how they are merged matters.
		p, err := sessiontable.ReadAll(t.Context(), l, &fleet.Target{Instance: fleet.Instance{ID: "i"}}, nodes, q)
		if err != nil || ids(p) != want || p.Count != 4 || len(p.Nodes) != len(p.Sessions) {
			t.Errorf("%s: got %q of %d, %v; want %q", query, ids(p), p.Count, err, want)
		}
	}
}

// TestTableFits checks that the table keeps to 80 columns whatever the values
// are, and that all of them are in the wide one.
func TestTableFits(t *testing.T) {
	long := strings.Repeat("long ", 40)
	session := dcsapi.Session{
		ID: "18446744073709551615", Addr: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", Name: long, User: long, DB: "15", Cmd: long, Flags: "xPbOAc",
		Age: 1 << 40, Idle: 1 << 40, OMem: 1 << 62, Present: dcsapi.HasAge | dcsapi.HasIdle | dcsapi.HasOMem,
	}
	short := dcsapi.Session{ID: "1", Addr: "10.0.0.1:1", Name: "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語", User: long, Cmd: "get", Flags: "N"}
	for name, p := range map[string]*sessiontable.Page{
		"long":     {Sessions: []dcsapi.Session{session}},
		"short":    {Sessions: []dcsapi.Session{short}},
		"of nodes": {Sessions: []dcsapi.Session{short}, Nodes: []dcsapi.Node{{ID: "n", Name: long + "end"}}},
	} {
		p.Query = sessiontable.Query{Instance: strings.Repeat("i", 36), Node: strings.Repeat("n", 36), Sort: "name", Order: "asc", Limit: 20}
		p.Count = -1
		var narrow, wide strings.Builder
		if err := p.WriteText(&narrow); err != nil {
			t.Fatal(err)
		}
		if err := p.WriteWide(&wide); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(narrow.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > 80 {
				if name == "long" && n < 110 { // its numbers and address alone have more
					continue
				}
				t.Errorf("%s: a line of %d columns:\n%s", name, n, narrow.String())
			}
		}
		if !strings.Contains(narrow.String(), "NAME") {
			t.Errorf("%s: the column that sorts is missing:\n%s", name, narrow.String())
		}
		for _, column := range []string{"USER", "FLAGS", "CMD"} {
			if !strings.Contains(wide.String(), column) {
				t.Errorf("%s: no %s in\n%s", name, column, wide.String())
			}
		}
		if p.Nodes != nil && !strings.Contains(narrow.String(), " end") {
			t.Errorf("the end of the node's name is missing:\n%s", narrow.String())
		}
	}
}
