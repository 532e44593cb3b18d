package dcsapi

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// decodeAll decodes a page and keeps copies of its sessions.
func decodeAll(body string) (Page, []Session, error) {
	var all []Session
	// Without room behind the page, reading beyond it panics.
	page, err := decodePage(slices.Clip([]byte(body)), MaxLimit, func(sessions iter.Seq[*Session]) {
		for s := range sessions {
			all = append(all, *s)
		}
	})
	return page, all, err
}

// vendorExample is the example of the vendor's API reference.
const vendorExample = `{"time":"2023-06-15T03:10:01.332Z","clients":[{"id":"11677","addr":"198.19.131.14:1637","name":"dcs","cmd":"info","age":376,"idle":376,"flags":"N","fd":"16","db":"0","sub":0,"psub":0,"multi":1,"qbuf":0,"qbuf_free":4,"obl":0,"oll":0,"omem":0,"events":"r","network":"vpc","peer":"198.198.0.121:4058","user":"dcs"}],"count":1}`

const everyNumber = HasAge | HasIdle | HasSub | HasPSub | HasMulti | HasQBuf | HasQBufFree | HasOBL | HasOLL | HasOMem

func TestDecodeVendorExample(t *testing.T) {
	page, sessions, err := decodeAll(vendorExample)
	if err != nil {
		t.Fatal(err)
	}
	wantPage := Page{
		Time: "2023-06-15T03:10:01.332Z", Taken: time.Date(2023, 6, 15, 3, 10, 1, 332e6, time.UTC), Count: 1, Sessions: 1,
	}
	if page != wantPage {
		t.Errorf("page: got %+v, want %+v", page, wantPage)
	}
	want := Session{
		ID: "11677", Addr: "198.19.131.14:1637", Peer: "198.198.0.121:4058", FD: "16", DB: "0", Name: "dcs", Cmd: "info",
		Flags: "N", Events: "r", Network: "vpc", User: "dcs",
		Age: 376, Idle: 376, Multi: 1, QBufFree: 4, Present: everyNumber,
	}
	if len(sessions) != 1 || !reflect.DeepEqual(sessions[0], want) {
		t.Errorf("sessions: got %+v, want %+v", sessions, want)
	}
}

func TestDecodeEveryNumber(t *testing.T) {
	_, sessions, err := decodeAll(`{"clients":[{"age":1,"idle":2,"sub":3,"psub":4,"multi":-1,"qbuf":6,"qbuf_free":7,"obl":8,"oll":9,"omem":3221225472}],"count":1}`)
	want := Session{Age: 1, Idle: 2, Sub: 3, PSub: 4, Multi: -1, QBuf: 6, QBufFree: 7, OBL: 8, OLL: 9, OMem: 3 << 30, Present: everyNumber}
	if err != nil || len(sessions) != 1 || !reflect.DeepEqual(sessions[0], want) {
		t.Errorf("got %+v, %v; want %+v", sessions, err, want)
	}
}

func TestDecodeLenient(t *testing.T) {
	tests := []struct {
		name string
		body string
		want Session
	}{
		{"missing", `{"clients":[{}],"count":1}`, Session{}},
		{"null", `{"clients":[{"id":null,"age":null,"user":null}],"count":1}`, Session{}},
		{"numeric strings", `{"clients":[{"id":"1","age":"376","omem":" 5 ","idle":"-3"}],"count":1}`, Session{ID: "1", Age: 376, OMem: 5, Idle: -3, Present: HasAge | HasOMem | HasIdle}},
		{"numbers for texts", `{"clients":[{"id":11677,"db":0,"fd":-1,"name":true}],"count":1}`, Session{ID: "11677", DB: "0", FD: "-1", Name: "true"}},
		{"exponent and fraction", `{"clients":[{"age":1e3,"idle":2.9,"qbuf":0.0}],"count":1}`, Session{Age: 1000, Idle: 2, Present: HasAge | HasIdle | HasQBuf}},
		{"no number", `{"clients":[{"age":"soon","idle":"","omem":{},"qbuf":[1],"sub":true}],"count":1}`, Session{}},
		{"more than 64 bits", `{"clients":[{"omem":99999999999999999999,"qbuf":9223372036854775807,"age":-9223372036854775808}],"count":1}`, Session{QBuf: 1<<63 - 1, Age: -1 << 63, Present: HasQBuf | HasAge}},
		{"unknown fields", `{"new":{"a":[1,{"b":null}]},"clients":[{"id":"1","new":[[]],"laddr":"x"}],"count":1}`, Session{ID: "1"}},
		{"order", `{"count":1,"clients":[{"user":"u","id":"1"}],"time":"x"}`, Session{ID: "1", User: "u"}},
		{"the last of two wins", `{"clients":[{"age":5,"age":null,"id":"1","id":"2"}],"count":1}`, Session{ID: "2"}},
		{"escapes", `{"clients":[{"name":"a\"b\\c\u00e9\n\ud83d\ude00","user":"\u0000"}],"count":1}`, Session{Name: "a\"b\\cé\n😀", User: "\x00"}},
		{"invalid UTF-8", "{\"clients\":[{\"name\":\"a\xff\xfeb\"}],\"count\":1}", Session{Name: "a\xff\xfeb"}},
		{"white space", " {\n\"clients\" : [ { \"id\" :\t\"1\" , \"age\" : 7 } ] , \"count\":1 }\r\n", Session{ID: "1", Age: 7, Present: HasAge}},
		{"count is a string", `{"clients":[{"id":"1"}],"count":"1"}`, Session{ID: "1"}},
		{"empty error code", `{"clients":[{"id":"1"}],"count":1,"error_code":""}`, Session{ID: "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page, sessions, err := decodeAll(tt.body)
			if err != nil || len(sessions) != 1 || !reflect.DeepEqual(sessions[0], tt.want) {
				t.Fatalf("got %+v, %v; want %+v", sessions, err, tt.want)
			}
			if page.Count != 1 || page.Sessions != 1 {
				t.Errorf("page: got %+v", page)
			}
		})
	}
}

func TestDecodeEmptyList(t *testing.T) {
	for _, body := range []string{
		`{"time":"2023-06-15T03:10:01Z","clients":[],"count":0}`,
		`{"clients":null,"count":0}`,
		`{"count":0}`,
	} {
		page, sessions, err := decodeAll(body)
		if err != nil || len(sessions) != 0 || page.Count != 0 {
			t.Errorf("%s: got %+v, %v, %v", body, page, sessions, err)
		}
	}
	page, _, err := decodeAll(`{"clients":[]}`)
	if err != nil || page.Count != -1 {
		t.Errorf("without a count: got %+v, %v", page, err)
	}
}

func TestDecodeTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		`"2023-06-15T03:10:01.332Z"`:         time.Date(2023, 6, 15, 3, 10, 1, 332e6, time.UTC),
		`"2023-06-15T11:10:01+08:00"`:        time.Date(2023, 6, 15, 3, 10, 1, 0, time.UTC),
		`"yesterday"`:                        {},
		`null`:                               {},
		`"` + strings.Repeat("9", 999) + `"`: {},
	} {
		page, _, err := decodeAll(`{"clients":[],"count":0,"time":` + text + `}`)
		if err != nil || !page.Taken.Equal(want) || len(page.Time) > 64 {
			t.Errorf("%.40s: got %+v, %v", text, page, err)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"empty", ``, "not an object"},
		{"html", `<html>`, "not an object"},
		{"array", `[]`, "not an object"},
		{"null", `null`, "not an object"},
		{"no list", `{}`, "no list of sessions"},
		{"no list with a count", `{"count":3}`, "no list of sessions"},
		{"null list with a count", `{"count":3,"clients":null}`, "no list of sessions"},
		{"list is an object", `{"count":1,"clients":{}}`, ""},
		{"session is a string", `{"count":1,"clients":["x"]}`, "a session is a string, not an object"},
		{"broken off", `{"count":1,"clients":[{"id":"1"`, ""},
		{"broken off in a string", `{"count":1,"clients":[{"id":"1`, ""},
		{"missing comma", `{"count":1 "clients":[]}`, ""},
		{"trailing comma", `{"count":0,"clients":[],}`, ""},
		{"control character", "{\"count\":1,\"clients\":[{\"id\":\"\n\"}]}", ""},
		{"trailing object", vendorExample + `{}`, "more data"},
		{"trailing rubbish", vendorExample + `x`, "more data"},
		{"trailing NUL", vendorExample + "\x00", "more data"},
		{"error code", `{"error_code":"DCS.4957","error_msg":"x"}`, "error_code"},
		{"error code beside a list", strings.Replace(vendorExample, "{", `{"error_code":"DCS.5000",`, 1), "error_code"},
		{"leading zero", `{"count":1,"clients":[{"age":01}]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page, _, err := decodeAll(tt.body)
			if err == nil {
				t.Fatalf("no error, page %+v", page)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want something with %q", err, tt.want)
			}
		})
	}
}

// TestDecodeStopsEarly checks that a consumer that wants no more still learns
// that the page is broken further on.
func TestDecodeStopsEarly(t *testing.T) {
	first := func(sessions iter.Seq[*Session]) {
		for range sessions {
			break
		}
	}
	page, err := decodePage([]byte(`{"clients":[{"id":"1"},{"id":"2"}],"count":2}`), MaxLimit, first)
	if err != nil || page.Sessions != 2 {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := decodePage([]byte(`{"clients":[{"id":"1"},{"id":"2"}],"count":2`), MaxLimit, first); err == nil {
		t.Error("no error for what is broken after the first session")
	}
	if _, err := decodePage([]byte(`{"clients":[{]}`), MaxLimit, func(iter.Seq[*Session]) {}); err == nil {
		t.Error("no error for a page that is not looked at")
	}
}

// TestDecodeAllocates checks that decoding costs memory per page, not per
// session.
func TestDecodeAllocates(t *testing.T) {
	allocations := func(sessions int) float64 {
		body := benchPage(sessions)
		return testing.AllocsPerRun(5, func() {
			if _, err := decodePage(body, MaxLimit, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	one, thousand := allocations(1), allocations(1000)
	if thousand > one+2 {
		t.Errorf("%v allocations for one session, %v for a thousand", one, thousand)
	}
}

// FuzzDecodePage checks that no input makes the decoder panic, that it agrees
// with itself whether sessions are looked at or not, and that strings stay
// within the page.
func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		vendorExample, `{}`, `{"count":0,"clients":null}`, `{"clients":[{"id":1,"age":"2","omem":1e30}],"count":"1"}`,
		`{"error_code":"x"}`, "{\"clients\":[{\"name\":\"\xff\\u12\"}]}", `[`, `{"clients":[[]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := slices.Clone(body)
		n, length := 0, 0
		page, err := decodePage(body, MaxLimit, func(sessions iter.Seq[*Session]) {
			for s := range sessions {
				n++
				length += len(s.ID) + len(s.Addr) + len(s.Name)
			}
		})
		blind, blindErr := decodePage(body, MaxLimit, nil)
		if fmt.Sprint(err) != fmt.Sprint(blindErr) || page != blind {
			t.Errorf("with sessions: %+v, %v; without: %+v, %v", page, err, blind, blindErr)
		}
		if err == nil && page.Sessions != n {
			t.Errorf("%d sessions on the page, %d were given", page.Sessions, n)
		}
		if err == nil && length > 3*len(body) {
			t.Errorf("texts of %d bytes out of a page of %d", length, len(body))
		}
		if !slices.Equal(before, body) {
			t.Error("the page was changed")
		}
	})
}

// sameSessions reports whether two lists of sessions are equal.
func sameSessions(a, b []Session) bool {
	return slices.EqualFunc(a, b, func(a, b Session) bool { return reflect.DeepEqual(a, b) })
}

// TestExtraFields checks that fields that nobody knows go through where they are
// wanted, within bounds, and nowhere else.
func TestExtraFields(t *testing.T) {
	many := ""
	for i := range 40 {
		many += fmt.Sprintf(`,"n%d":%d`, i, i)
	}
	body := []byte(`{"clients":[{"lib_name":"jedis","id":"1","tot_mem":22298,"tags":["a",{"b":null}],"gone":null},{"id":"2","lib_name":"lettuce"},{"id":"3","long":"` +
		strings.Repeat("x", 600) + `"` + many + `}],"count":3}`)
	var got []Session
	if _, err := decodePageWith(body, 10, true, func(sessions iter.Seq[*Session]) {
		for s := range sessions {
			got = append(got, s.Clone())
		}
	}); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[int]string{0: `[{lib_name "jedis"} {tot_mem 22298} {tags ["a",{"b":null}]} {gone null}]`, 1: `[{lib_name "lettuce"}]`} {
		var text []string
		for _, f := range got[k].Extra {
			text = append(text, fmt.Sprintf("{%s %s}", f.Name, f.Value))
		}
		if have := fmt.Sprint(text); have != want {
			t.Errorf("session %d: got %s, want %s", k+1, have, want)
		}
	}
	if n := len(got[2].Extra); n != maxExtra || got[2].Extra[0].Name != "n0" {
		t.Errorf("of 41 fields, one too long, %d were kept", n)
	}
	_, without, err := decodeAll(string(body))
	if err != nil || without[0].Extra != nil {
		t.Errorf("got %+v, %v without asking for them", without, err)
	}
}
