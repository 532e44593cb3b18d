package sessiontable_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/sessiontable"
)

// odd is a page with untrusted values.
func odd() *sessiontable.Page {
	return &sessiontable.Page{
		Query: sessiontable.Query{Instance: "i", Node: "n", Sort: "id", Order: "asc", Limit: 50}, Count: -1,
		Sessions: []dcsapi.Session{
			{ID: "1", Name: "-1+1\n", User: "@SUM(A1)", Cmd: "a,\"b", Addr: " =x", OMem: 3 << 30, Present: dcsapi.HasOMem | dcsapi.HasMulti, Multi: -1},
			{ID: "2", Name: "\xff\u202ex", Age: math.MaxInt64, QBuf: -5, Present: dcsapi.HasAge | dcsapi.HasQBuf},
		},
	}
}

// TestCSV checks that CSV has no formulas, leaves missing numbers empty, and
// keeps numbers as they are.
func TestCSV(t *testing.T) {
	var b strings.Builder
	if err := odd().WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	for i, want := range []map[string]string{
		{"name": `'-1+1\n`, "user": "'@SUM(A1)", "cmd": `a,"b`, "addr": "' =x", "omem": "3221225472", "multi": "-1", "age": "", "time": ""},
		{"name": "\uFFFD\\u202ex", "age": "9223372036854775807", "qbuf": "-5", "omem": "", "multi": ""},
	} {
		for k, name := range rows[0] {
			if value, ok := want[name]; ok && rows[i+1][k] != value {
				t.Errorf("%s of %d: %q, want %q", name, i+1, rows[i+1][k], value)
			}
		}
	}
}

// TestJSON checks that unknown values are null and the others exact.
func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := odd().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	decoder := json.NewDecoder(strings.NewReader(b.String()))
	decoder.UseNumber()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"time", "age_seconds", "count"} {
		if value, there := got[absent]; !there || value != nil {
			t.Errorf("%s is %v, want null", absent, value)
		}
	}
	first, second := got["sessions"].([]any)[0].(map[string]any), got["sessions"].([]any)[1].(map[string]any)
	if first["omem"] != json.Number("3221225472") || first["age"] != nil || first["name"] != "-1+1\n" || second["age"] != json.Number("9223372036854775807") || len(first) != len(sessiontable.Columns()) {
		t.Errorf("got %v\n%v", first, second)
	}
}

// TestColumns checks that the columns are the API's fields, as in the emulator.
func TestColumns(t *testing.T) {
	raw, err := json.Marshal(emulator.Session{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range sessiontable.Names() {
		if _, ok := fields[name]; !ok {
			t.Errorf("%s is no field of a session", name)
		}
		delete(fields, name)
	}
	for name := range fields {
		t.Errorf("the field %s has no column", name)
	}
}

// TestTextAligned checks that columns are aligned, even after characters that are
// two terminal cells wide, or none.
func TestTextAligned(t *testing.T) {
	names := map[string]int{"orders": 6, "订单服务": 8, "ｆｕｌｌ": 8, "e\u0301te\u0301": 3, "😀": 2} // and the cells they take
	page := &sessiontable.Page{Query: sessiontable.Query{Instance: "i", Node: "n", Sort: "id", Order: "asc", Limit: 50}, Count: -1}
	for name := range names {
		page.Sessions = append(page.Sessions, dcsapi.Session{ID: "1", Name: name, User: "u"})
	}
	var b strings.Builder
	if err := page.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(b.String(), "\n\n")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 1+len(names) {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	for i, line := range lines[1:] {
		name := page.Sessions[i].Name
		_, rest, _ := strings.Cut(line, name)
		if blanks := len(rest) - len(strings.TrimLeft(rest, " ")); blanks != 8-names[name]+2 {
			t.Errorf("%d blanks behind %s:\n%s", blanks, name, table)
		}
	}
}

func TestHuman(t *testing.T) {
	column := func(name string) sessiontable.Column {
		for _, c := range sessiontable.Columns() {
			if c.Name == name {
				return c
			}
		}
		t.Fatalf("no column %s", name)
		return sessiontable.Column{}
	}
	age, omem := column("age"), column("omem")
	for seconds, want := range map[int64]string{0: "0s", 59: "59s", 60: "1m00s", 3599: "59m59s", 3600: "1h00m", 86399: "23h59m", 86400: "1d0h", 900000: "10d10h", -3: "-3s", math.MaxInt64: "106751d23h", math.MinInt64: "-9223372036s"} {
		if got := age.Human(&dcsapi.Session{Age: seconds, Present: dcsapi.HasAge}); got != want {
			t.Errorf("%d s: %s, want %s", seconds, got, want)
		}
	}
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 3 << 30: "3.0 GiB", math.MaxInt64: "8.0 EiB", -5: "-5 B"} {
		if got := omem.Human(&dcsapi.Session{OMem: bytes, Present: dcsapi.HasOMem}); got != want {
			t.Errorf("%d B: %s, want %s", bytes, got, want)
		}
	}
	if got := omem.Human(&dcsapi.Session{}); got != "" {
		t.Errorf("a missing number is %q", got)
	}
	if got := sessiontable.Duration(90 * time.Second); got != "1m30s" {
		t.Error(got)
	}
}

// TestQuery checks that a query survives the conversion to parameters and back,
// and that errors name invalid parameters.
func TestQuery(t *testing.T) {
	for _, s := range []string{"", "instance=i&node=n", "sort=omem", "order=asc&sort=omem", "order=desc&sort=user", "addr=10.0.0.1&limit=7&offset=14", "order=desc"} {
		v, err := url.ParseQuery(s)
		if err != nil {
			t.Fatal(err)
		}
		q, err := sessiontable.ParseQuery(v)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if back := q.Values().Encode(); back != v.Encode() {
			t.Errorf("%s becomes %s", s, back)
		}
	}
	for s, want := range map[string]string{
		"sort=x": "sort must be one of id, addr", "order=up": "order must be", "limit=0": "limit must be", "limit=many": "limit must be a whole number", "offset=-1": "offset must be",
		"addr=%00": "addr must be", "addr=%ff": "addr must be", "sort=x&limit=0": "limit must be between 1 and 1000000",
	} {
		v, _ := url.ParseQuery(s)
		if _, err := sessiontable.ParseQuery(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", s, err, want)
		}
	}
}

// TestQueryAddress checks that addresses are converted to the form of
// client_address.
func TestQueryAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "10.0.0.1:4": "10.0.0.1:4", "2001:DB8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1", "[2001:db8::1]:4": "[2001:db8::1]:4",
		"::ffff:10.0.0.1": "10.0.0.1", "[::ffff:a00:1]:4": "10.0.0.1:4", "2001:db8:1:2:3:4:5:6:40000": "[2001:db8:1:2:3:4:5:6]:40000",
		"fe80::1%eth0": "fe80::1%eth0", "::1:6379": "::1:6379",
	} {
		q, err := sessiontable.ParseQuery(url.Values{"addr": {addr}})
		if err != nil || q.Addr != want {
			t.Errorf("%s: got %q, %v; want %q", addr, q.Addr, err, want)
		}
	}
	for _, addr := range []string{"host.example", "10.0.0.1:65536", "10.0.0.1:", "10.0.0.1:1:2", "/run/redis.sock:0"} {
		if q, err := sessiontable.ParseQuery(url.Values{"addr": {addr}}); err == nil {
			t.Errorf("%s is taken as %q", addr, q.Addr)
		}
	}
}

// TestCut checks that one session's long values do not widen the whole table, and
// that JSON has them in full.
func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"orders", 6, "orders"},
		{"orders-1", 6, "order…"},
		{"订单服务", 8, "订单服务"},
		{"订单服务", 6, "订单…"},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301"},
		{"", 6, ""},
		{"a" + strings.Repeat("\u0301", 100), 6, "a" + strings.Repeat("\u0301", 6) + "…"},
	} {
		if got := sessiontable.Cut(tt.in, tt.most); got != tt.want {
			t.Errorf("%q cut to %d: %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
	long := strings.Repeat("x", 1<<20)
	page := &sessiontable.Page{Query: sessiontable.Query{Instance: "i", Node: "n", Sort: "id", Order: "asc", Limit: 50}, Count: -1}
	page.Sessions = []dcsapi.Session{{ID: "1", Name: long}, {ID: "2", Name: strings.Repeat("\u0301", 1<<20)}, {ID: "3"}}
	var text, whole strings.Builder
	if err := errors.Join(page.WriteText(&text), page.WriteJSON(&whole)); err != nil {
		t.Fatal(err)
	}
	if text.Len() > 5000 || !strings.Contains(text.String(), "xxx…") {
		t.Errorf("%d bytes, %.300q", text.Len(), text.String())
	}
	if !strings.Contains(whole.String(), long) {
		t.Error("JSON does not have the whole value")
	}
}

// TestCSVKeepsApart checks that different texts stay different in CSV.
func TestCSVKeepsApart(t *testing.T) {
	page := &sessiontable.Page{Query: sessiontable.Query{Instance: "i", Node: "n"}}
	for _, name := range []string{"=1", "'=1", "''=1", "a\n", `a\n`, `a\\n`} {
		page.Sessions = append(page.Sessions, dcsapi.Session{Name: name})
	}
	var b strings.Builder
	if err := page.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	slices.Sort(lines)
	if n := len(slices.Compact(lines)); n != 1+len(page.Sessions) {
		t.Errorf("%d different lines:\n%s", n, b.String())
	}
}

// TestErrorsArePrintable checks that errors with lists of names contain no control
// characters and do not grow with the names.
func TestErrorsArePrintable(t *testing.T) {
	hostile := "\x1b[2J\r" + strings.Repeat("x", 1<<20)
	target := &fleet.Target{Instance: fleet.Instance{ID: hostile}, Details: dcsapi.Instance{Name: hostile}}
	for _, err := range []error{
		sessiontable.InstanceError{Asked: hostile, Targets: []*fleet.Target{target}},
		sessiontable.NodeError{Asked: hostile, Nodes: []dcsapi.Node{{ID: hostile, Name: hostile}}},
	} {
		if got := err.Error(); strings.ContainsAny(got, "\x1b\r") || len(got) > 2000 || !strings.Contains(got, `\x1b[2J\r`) {
			t.Errorf("%T: %d bytes: %.200q", err, len(got), got)
		}
	}
	page := sessiontable.Page{InstanceName: hostile, NodeName: hostile}
	if got := page.Title(); strings.ContainsAny(got, "\x1b\r") || len(got) > 1000 {
		t.Errorf("the title has %d bytes: %.200q", len(got), got)
	}
}
