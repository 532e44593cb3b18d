package emulator_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// TestOddPages checks the pages of 2,500 sessions: first and last id, length and
// count.
func TestOddPages(t *testing.T) {
	lie := int64(1 << 40)
	tests := []struct {
		name    string
		options emulator.Options
		query   string
		want    string
	}{
		{"page cap", emulator.Options{PageCap: 500}, "limit=1000", "1…500 (500) of 2500"},
		{"page cap, offset", emulator.Options{PageCap: 500}, "limit=1000&offset=2400", "2401…2500 (100) of 2500"},
		{"page cap over limit", emulator.Options{PageCap: 500}, "limit=20", "1…20 (20) of 2500"},
		{"page cap does not raise the limit", emulator.Options{PageCap: 5000}, "limit=1001", "DCS.4800"},
		{"one hidden per page", emulator.Options{PageCap: 500, HidePerPage: 1}, "limit=1000", "2…500 (499) of 2500"},
		{"one hidden, next page", emulator.Options{PageCap: 500, HidePerPage: 1}, "limit=1000&offset=500", "502…1000 (499) of 2500"},
		{"one hidden, from what came", emulator.Options{PageCap: 500, HidePerPage: 1}, "limit=1000&offset=499", "500…999 (499) of 2500"},
		{"hidden keeps one", emulator.Options{PageCap: 5, HidePerPage: 7}, "limit=5", "5…5 (1) of 2500"},
		{"hidden, past the end", emulator.Options{HidePerPage: 1}, "offset=2500", "none of 2500"},
		{"count that lies", emulator.Options{Count: &lie, HiddenSessions: 3}, "limit=2", "1…2 (2) of 1099511627776"},
		{"repeated page", emulator.Options{RepeatPages: true}, "limit=1000&offset=2000", "1…1000 (1000) of 2500"},
		{"repeated page past the end", emulator.Options{RepeatPages: true}, "limit=1000&offset=9000", "1…1000 (1000) of 2500"},
		{"repeated, within the first page", emulator.Options{RepeatPages: true}, "limit=1000&offset=999", "1000…1999 (1000) of 2500"},
		{"repeated, capped", emulator.Options{RepeatPages: true, PageCap: 100}, "limit=1000&offset=100", "1…100 (100) of 2500"},
		{"endless, last real page", emulator.Options{Endless: true}, "limit=1000&offset=2000", "2001…3000 (1000) of 2500"},
		{"endless", emulator.Options{Endless: true}, "limit=1000&offset=90000", "90001…91000 (1000) of 2500"},
		{"endless, capped, hidden", emulator.Options{Endless: true, PageCap: 100, HidePerPage: 2}, "limit=1000&offset=2500", "2503…2600 (98) of 2500"},
		{"endless, one address", emulator.Options{Endless: true}, "limit=3&offset=357&addr=10.0.0.1", "2501…2503 (3) of 357"},
		{"repeated ids", emulator.Options{RepeatIDs: true}, "limit=1000&offset=2000", "2001…2499 (500) of 2500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, base := serve(t, emulator.Options{}, fleet(2500))
			scan(t, base, scanBody)
			api.SetOptions(func(o *emulator.Options) { *o = tt.options })
			r := list(t, base, strings.Split(tt.query, "&")...)
			got := fmt.Sprintf("none of %d", r.Count)
			if n := len(r.Clients); n > 0 {
				got = fmt.Sprintf("%s…%s (%d) of %d", r.Clients[0].ID, r.Clients[n-1].ID, n, r.Count)
			}
			if r.Code != "" {
				got = r.Code
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestInventedSessions checks that the sessions of an endless list differ from
// each other and from the real ones, at whatever offset.
func TestInventedSessions(t *testing.T) {
	_, base := serve(t, emulator.Options{Endless: true}, fleet(10))
	scan(t, base, scanBody)
	ids, addrs, fds := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for offset := range 5 {
		for _, s := range list(t, base, "limit=1000", fmt.Sprintf("offset=%d", offset*1000)).Clients {
			ids[s.ID], addrs[s.Addr], fds[s.FD] = true, true, true
		}
	}
	if len(ids) != 5000 || len(addrs) != 5000 || len(fds) != 5000 {
		t.Errorf("5000 sessions have %d ids, %d addresses, %d descriptors", len(ids), len(addrs), len(fds))
	}
	if r := list(t, base, fmt.Sprintf("offset=%d", math.MaxInt64)); len(r.Clients) != 10 {
		t.Errorf("at the greatest offset: %s", r.body)
	}
}

// TestRepeatedIDs checks that sessions that share an id keep their other fields,
// and that the frozen list does not change.
func TestRepeatedIDs(t *testing.T) {
	api, base := serve(t, emulator.Options{RepeatIDs: true}, fleet(5))
	scan(t, base, scanBody)
	frozen, _ := api.Frozen("instance-1", "node-1")
	want := slices.Clone(frozen.Sessions)
	want[1].ID, want[3].ID = "1", "3"
	if got := list(t, base).Clients; !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if frozen.Sessions[1].ID != "2" {
		t.Errorf("the frozen list has %v", frozen.Sessions)
	}
}

func TestTimeForms(t *testing.T) {
	taken := time.Now().UTC().Truncate(time.Second).Add(123 * time.Millisecond)
	want := map[string]string{
		"":             taken.Format(`"2006-01-02T15:04:05.000Z"`),
		"space":        taken.Format(`"2006-01-02 15:04:05"`),
		"zoneless":     taken.Format(`"2006-01-02T15:04:05"`),
		"offset":       taken.Format(`"2006-01-02T15:04:05+0000"`),
		"seconds":      fmt.Sprint(taken.Unix()),
		"millis":       fmt.Sprint(taken.Unix()) + "123",
		"seconds-text": fmt.Sprintf(`"%d"`, taken.Unix()),
		"millis-text":  fmt.Sprintf(`"%d123"`, taken.Unix()),
		"garbage":      `"a while ago"`,
		"none":         "",
		"null":         "null",
	}
	api, base := serve(t, emulator.Options{Now: func() time.Time { return taken }}, fleet(1))
	scan(t, base, scanBody)
	for _, form := range append(emulator.TimeForms(), "") {
		api.SetOptions(func(o *emulator.Options) { o.TimeForm = form })
		got := list(t, base).body
		if text, ok := want[form]; !ok || (form == "none" && strings.Contains(got, "time")) || (form != "none" && !strings.HasPrefix(got, `{"time":`+text+`,"clients":[`)) {
			t.Errorf("%q: got %s, want %s", form, got, text)
		}
	}
	api.SetOptions(func(o *emulator.Options) { o.TimeForm = "unknown" })
	if r := list(t, base); r.status != 500 || !strings.Contains(r.body, "unknown TimeForm") {
		t.Errorf("a form that there is not: %s", r.body)
	}
}

// TestByteOrderMark checks that every JSON body begins with one, including errors,
// and that other bodies do not.
func TestByteOrderMark(t *testing.T) {
	api, base := serve(t, emulator.Options{BOM: true}, fleet(1))
	if r := list(t, base); !strings.HasPrefix(r.body, "\uFEFF{\"error_code\":\"DCS.5000\"") {
		t.Errorf("an error: %q", r.body)
	}
	api.AddFault(emulator.Fault{Body: []byte("<html>"), ContentType: "text/html"})
	if r := list(t, base); r.body != "<html>" {
		t.Errorf("a page: %q", r.body)
	}
}

// TestRefusedScans checks that an existing list stays when scans are refused, and
// that a node without a list answers as if it was never scanned.
func TestRefusedScans(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(3))
	scan(t, base, scanBody)
	api.SetOptions(func(o *emulator.Options) { o.RefuseScans = true })
	if r := scan(t, base, scanBody); r.status != 403 || r.Code != "DCS.2003" || r.Job != "" {
		t.Errorf("the scan: %s", r.body)
	}
	if r := list(t, base); len(r.Clients) != 3 {
		t.Errorf("the list that was there: %s", r.body)
	}
	if r := list(t, base, "node_id=node-2"); r.status != 500 || r.Code != "DCS.5000" {
		t.Errorf("no list: %s", r.body)
	}
}

// TestOptionsChangeUnderRequests sets options while requests arrive, for the race
// detector.
func TestOptionsChangeUnderRequests(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(10))
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 100 {
			api.SetOptions(func(o *emulator.Options) { o.HugeName, o.PageCap, o.BOM = n, n, n%2 == 1 })
		}
	})
	for range 20 {
		scan(t, base, scanBody)
		list(t, base)
	}
	wg.Wait()
}
