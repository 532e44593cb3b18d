package dcsapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-faster/jx"
)

// decodeApart decodes a page without short cuts: no session learns from the
// one before.
func decodeApart(body string) (page Page, all []Session, err error) {
	p := pageDecoder{jsonScanner: jsonScanner{body: []byte(body)}, limit: MaxLimit, page: Page{Count: -1}}
	p.sessionField = p.field
	p.run(func(s *Session) bool {
		all = append(all, *s)
		p.layout.known = false
		return true
	})
	return p.page, all, p.err
}

// TestDecodeLayouts checks sessions that are written like the one before, and
// others that nearly are.
func TestDecodeLayouts(t *testing.T) {
	const first = `{"id":"1","age":5,"name":"a","omem":7}`
	tests := []struct {
		name, second string
		want         Session
	}{
		{"alike", `{"id":"2","age":6,"name":"bc","omem":-8}`, Session{ID: "2", Age: 6, Name: "bc", OMem: -8, Present: HasAge | HasOMem}},
		{"empty text", `{"id":"","age":0,"name":"","omem":0}`, Session{Present: HasAge | HasOMem}},
		{"another order", `{"age":6,"id":"2","name":"b","omem":8}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"the last is missing", `{"id":"2","age":6,"name":"b"}`, Session{ID: "2", Age: 6, Name: "b", Present: HasAge}},
		{"the first is missing", `{"age":6,"name":"b","omem":8}`, Session{Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"one more", `{"id":"2","age":6,"name":"b","omem":8,"idle":3}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Idle: 3, Present: HasAge | HasOMem | HasIdle}},
		{"none at all", `{}`, Session{}},
		{"null text", `{"id":"2","age":6,"name":null,"omem":8}`, Session{ID: "2", Age: 6, OMem: 8, Present: HasAge | HasOMem}},
		{"null number", `{"id":"2","age":null,"name":"b","omem":8}`, Session{ID: "2", Name: "b", OMem: 8, Present: HasOMem}},
		{"escape", `{"id":"2","age":6,"name":"\"","omem":8}`, Session{ID: "2", Age: 6, Name: `"`, OMem: 8, Present: HasAge | HasOMem}},
		{"number for text", `{"id":2,"age":6,"name":"b","omem":8}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"text for number", `{"id":"2","age":"6","name":"b","omem":8}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"fraction", `{"id":"2","age":6.9,"name":"b","omem":8}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"exponent at the end", `{"id":"2","age":6,"name":"b","omem":8e2}`, Session{ID: "2", Age: 6, Name: "b", OMem: 800, Present: HasAge | HasOMem}},
		{"minus zero", `{"id":"2","age":-0,"name":"b","omem":8}`, Session{ID: "2", Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"18 digits", `{"id":"2","age":6,"name":"b","omem":999999999999999999}`, Session{ID: "2", Age: 6, Name: "b", OMem: 999999999999999999, Present: HasAge | HasOMem}},
		{"19 digits", `{"id":"2","age":6,"name":"b","omem":9223372036854775807}`, Session{ID: "2", Age: 6, Name: "b", OMem: 1<<63 - 1, Present: HasAge | HasOMem}},
		{"more than 64 bits", `{"id":"2","age":6,"name":"b","omem":9223372036854775808}`, Session{ID: "2", Age: 6, Name: "b", Present: HasAge}},
		{"white space", `{"id": "2","age":6,"name":"b","omem":8 }`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"a key twice", `{"id":"2","age":6,"name":"b","omem":8,"age":9}`, Session{ID: "2", Age: 9, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"an escaped key", `{"\u0069d":"2","age":6,"name":"b","omem":8}`, Session{ID: "2", Age: 6, Name: "b", OMem: 8, Present: HasAge | HasOMem}},
		{"unknown keys", `{"id":"2","x":"y","z":1,"age":6,"w":[{}]}`, Session{ID: "2", Age: 6, Present: HasAge}},
	}
	wantFirst := Session{ID: "1", Age: 5, Name: "a", OMem: 7, Present: HasAge | HasOMem}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Twice each, so that either is also what the other follows.
			_, got, err := decodeAll(`{"clients":[` + strings.Join([]string{first, tt.second, tt.second, first, first}, ",") + `],"count":5}`)
			want := []Session{wantFirst, tt.want, tt.want, wantFirst, wantFirst}
			if err != nil || !sameSessions(got, want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

// TestDecodeBrokenLater checks that what is broken is found in a session that
// is written like the one before.
func TestDecodeBrokenLater(t *testing.T) {
	const first = `{"id":"1","age":5,"name":"a","omem":7}`
	for _, second := range []string{
		`{"id":"2","age":6,"name":"b","omem":08}`, `{"id":"2","age":06,"name":"b","omem":8}`, `{"id":"2","age":-,"name":"b","omem":8}`,
		`{"id":"2","age":6,"name":"b` + "\n" + `","omem":8}`, `{"id":"2","age":6,"name":"b","omem":8`, `{"id":"2","age":6,"name":"b","omem":`,
		`{"id":"2","age":6,"name":"b","omem":8.}`, `{"id":"2","age":6,"name":"b","omem":8,}`, `{"id":"2","age":6,"name":"b`, `{"id":"2`, `{`, ``, `"x"`,
		`{"id":"2","age":6 "name":"b","omem":8}`, `{"id":"2","age":6,"name":"b","omem":8}}`, `{"id":"2","age":6,"name":"\x","omem":8}`,
	} {
		body := `{"clients":[` + first + `,` + second + `],"count":2}`
		if page, sessions, err := decodeAll(body); err == nil {
			t.Errorf("no error in %s: %+v, %+v", body, page, sessions)
		}
	}
}

// TestDecodeCutOff checks that every page that breaks off is an error.
func TestDecodeCutOff(t *testing.T) {
	body := string(benchPage(3))
	for n := range len(body) {
		if page, _, err := decodeAll(body[:n]); err == nil {
			t.Errorf("no error after %d of %d bytes: %+v", n, len(body), page)
		}
	}
}

// TestDecodeTakesShortCuts checks that only the first of many sessions that are
// written alike is decoded field by field.
func TestDecodeTakesShortCuts(t *testing.T) {
	for name, body := range map[string]string{
		"compact": string(benchPage(1000)),
		"spaced":  strings.NewReplacer(`":`, `" : `, `,"`, ` , "`, `{"`, `{ "`, `}`, ` }`).Replace(string(benchPage(1000))),
	} {
		p := pageDecoder{jsonScanner: jsonScanner{body: []byte(body)}, limit: MaxLimit, page: Page{Count: -1}}
		fields := 0
		p.sessionField = func(key []byte, at int) (int, error) {
			fields++
			return p.field(key, at)
		}
		p.run(func(*Session) bool { return true })
		if p.err != nil || p.page.Sessions != 1000 || fields != 21 {
			t.Errorf("%s: %d fields were decoded one by one, want 21 (%d sessions, %v)", name, fields, p.page.Sessions, p.err)
		}
	}
}

// FuzzDecodeLayouts checks that short cuts change nothing, and that only JSON
// is decoded without an error.
func FuzzDecodeLayouts(f *testing.F) {
	const first = `{"id":"1","age":5,"name":"a","omem":7}`
	for _, second := range []string{
		first, `{"id":"","age":-0,"name":"","omem":0}`, `{"age":6,"id":"2"}`, `{"id":2,"age":"6","name":null,"omem":1e3}`, `{"id":"\u0041","age":01}`,
		`{ "id" : "2" , "age" : 999999999999999999 }`, `{"x":[{}],"id":"1","x":true}`, `{}`, `[]`, `{"id":"`, `{"age":12345678901234567890}`,
	} {
		f.Add(first, second)
		f.Add(second, second)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		body := fmt.Sprintf(`{"time":"t","clients":[%s,%s,%s],"count":3}`, first, second, second)
		p := pageDecoder{jsonScanner: jsonScanner{body: []byte(body)}, limit: MaxLimit, page: Page{Count: -1}}
		p.sessionField = p.field
		var all []Session
		p.run(func(s *Session) bool {
			all = append(all, *s)
			return true
		})
		page, apart, err := decodeApart(body)
		if (err == nil) != (p.err == nil) || (err == nil && (page != p.page || !sameSessions(all, apart))) {
			t.Errorf("%s\nwith short cuts:    %+v, %v\nwithout short cuts: %+v, %v", body, all, p.err, apart, err)
		}
		if p.err == nil && !json.Valid([]byte(body)) {
			t.Errorf("no error for what is not JSON: %q", body)
		}
		if p.err == nil && !jx.Valid([]byte(body)) {
			t.Errorf("no error for what jx refuses: %q", body)
		}
	})
}
