package dcsapi

import (
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTextsAreCut checks that of long texts only the beginning is kept, by
// whole characters, however they are written and whether or not the session
// before had the same layout.
func TestTextsAreCut(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"plain", strings.Repeat("n", 100_000), strings.Repeat("n", maxKept)},
		{"as long as may be", strings.Repeat("n", maxKept), strings.Repeat("n", maxKept)},
		{"characters of two bytes", "n" + strings.Repeat("ä", 100_000), "n" + strings.Repeat("ä", (maxKept-1)/2)},
		{"escapes", strings.Repeat(`\u0041`, 100_000), strings.Repeat("A", maxKept)},
		{"short escapes", strings.Repeat(`\n`, 100_000), strings.Repeat("\n", maxKept)},
		{"surrogates", strings.Repeat(`\ud83d\ude00`, 100_000), strings.Repeat("😀", maxKept/4)},
		{"escaped quotes", strings.Repeat(`\"\\`, 100_000), strings.Repeat(`"\`, maxKept/2)},
		{"an escape at the end", strings.Repeat("n", 100_000) + `\n`, strings.Repeat("n", maxKept)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session := `{"id":"1","name":"` + tt.json + `","user":"u"}`
			var names []string
			_, err := decodePage([]byte(`{"clients":[`+session+","+session+`],"count":2}`), 2, func(sessions iter.Seq[*Session]) {
				for s := range sessions {
					names = append(names, strings.Clone(s.Name))
					if s.User != "u" || s.ID != "1" {
						t.Errorf("id %q, user %q", s.ID, s.User)
					}
				}
			})
			if err != nil || len(names) != 2 {
				t.Fatal(names, err)
			}
			for _, name := range names {
				if name != tt.want || !utf8.ValidString(name) {
					t.Errorf("got %d bytes, %.20q…, want %d", len(name), name, len(tt.want))
				}
			}
		})
	}
}

// TestPageLimit checks that a page with more sessions than were asked for is
// refused, and one with as many is not.
func TestPageLimit(t *testing.T) {
	body := benchPage(10)
	if page, err := decodePage(body, 10, nil); err != nil || page.Sessions != 10 {
		t.Errorf("got %+v, %v", page, err)
	}
	_, err := decodePage(body, 9, nil)
	if ReasonOf(err) != ReasonInconsistent || !strings.Contains(err.Error(), "a page has more sessions than the 9 that were asked for") {
		t.Errorf("got %v", err)
	}
}

// TestManyKeys checks that a session with any number of keys takes no memory of
// them, and that those that are wanted are read wherever they are.
func TestManyKeys(t *testing.T) {
	session := `{"id":"1"` + strings.Repeat(`,"":1`, 1_000_000) + `,"user":"u","age":7}`
	body := []byte(`{"clients":[` + session + "," + session + `],"count":2}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	_, err := decodePage(body, 2, func(sessions iter.Seq[*Session]) {
		for s := range sessions {
			n++
			if s.ID != "1" || s.User != "u" || s.Age != 7 || s.Present != HasAge {
				t.Errorf("got %+v", s)
			}
		}
	})
	runtime.ReadMemStats(&after)
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes, want less than 1 MiB", took)
	}
}

// TestMembers checks that so many members of an object are kept and no more,
// and that an element of a list keeps no long texts.
func TestMembers(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, `{"node_id":"n","name":"%s"`, strings.Repeat("x", 100_000))
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"k%d":0`, i)
	}
	e := newElement(json.RawMessage(b.String()+"}"), nil, nil)
	if id, why := e.id("node_id"); id != "n" || why != "" || len(e.fields) != maxMembers || len(e.text("name")) != maxKept {
		t.Errorf("got id %q (%s), %d fields, a name of %d bytes", id, why, len(e.fields), len(e.text("name")))
	}
	for _, tt := range []struct {
		n  int
		ok bool
	}{{maxElements, true}, {maxElements + 1, false}} {
		list, ok, err := object{"nodes": json.RawMessage("[" + strings.Repeat("0,", tt.n-1) + "0]")}.list("nodes")
		if !ok || (err == nil) != tt.ok || (tt.ok && len(list) != tt.n) {
			t.Errorf("%d elements: got %d, %v", tt.n, len(list), err)
		}
	}
}
