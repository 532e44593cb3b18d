package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// probe asks an emulator something and returns what the answer shows.
type probe func(t *testing.T, base string) string

// get returns the body that a path is answered with, on one line.
func get(path string) probe {
	return func(t *testing.T, base string) string {
		t.Helper()
		path, query, _ := strings.Cut(path, "?")
		r, err := ask(t, base, http.MethodGet, path, "", strings.Split(query, "&")...)
		if err != nil {
			t.Fatal(err)
		}
		return r.body
	}
}

// match returns the part of an answer that matches a pattern, "" if none does.
func match(p probe, pattern string) probe {
	return func(t *testing.T, base string) string {
		t.Helper()
		return regexp.MustCompile(pattern).FindString(p(t, base))
	}
}

// clients returns the ids of a page and the count.
func clients(query ...string) probe {
	return func(t *testing.T, base string) string {
		t.Helper()
		r := list(t, base, query...)
		var ids []string
		for _, s := range r.Clients {
			ids = append(ids, s.ID)
		}
		return fmt.Sprintf("%s of %d", strings.Join(ids, " "), r.Count)
	}
}

// nameLength returns the lengths of the names of the first five clients.
func nameLengths(t *testing.T, base string) string {
	t.Helper()
	var lengths []int
	for _, s := range list(t, base, "limit=5").Clients {
		lengths = append(lengths, len(s.Name))
	}
	return fmt.Sprint(lengths)
}

// throttled sends three requests in a second and returns the last answer's status
// and Retry-After.
func throttled(t *testing.T, base string) string {
	t.Helper()
	var r reply
	for range 3 {
		r = list(t, base)
	}
	return strings.TrimSpace(fmt.Sprint(r.status, " ", r.header.Get("Retry-After")))
}

// TestQuirks checks how each quirk changes an answer. The list has five sessions;
// the clock is stopped a minute after it was taken, in the middle of a second scan.
func TestQuirks(t *testing.T) {
	taken := time.Now().UTC().Truncate(time.Second) // signatures expire
	stamp := taken.Format(`"time":"2006-01-02T15:04:05.000Z"`)
	firstInstance := match(get("/instances"), `"instances":\[.*?"name":.*?,`)
	tests := map[string]struct {
		quirks      []string
		probe       probe
		plain, want string
	}{
		"page-cap":           {[]string{"page-cap=2"}, clients("limit=1000"), "1 2 3 4 5 of 5", "1 2 of 5"},
		"hide-per-page":      {[]string{"hide-per-page=1"}, clients("limit=3"), "1 2 3 of 5", "2 3 of 5"},
		"hide-at":            {[]string{"hide-at=1,3"}, clients("limit=3"), "1 2 3 of 5", "1 3 of 5"},
		"hidden-sessions":    {[]string{"hidden-sessions=4"}, clients("limit=1"), "1 of 5", "1 of 9"},
		"count":              {[]string{"count=-1"}, clients("limit=1"), "1 of 5", "1 of -1"},
		"repeat-pages":       {[]string{"repeat-pages"}, clients("limit=2", "offset=2"), "3 4 of 5", "1 2 of 5"},
		"endless":            {[]string{"endless"}, clients("limit=3", "offset=4"), "5 of 5", "5 6 7 of 5"},
		"repeat-ids":         {[]string{"repeat-ids"}, clients(), "1 2 3 4 5 of 5", "1 1 3 3 5 of 5"},
		"time-form":          {[]string{"time-form=space"}, match(get(clientsPath+"?node_id=node-1"), `"time":"[^"]*"`), stamp, taken.Format(`"time":"2006-01-02 15:04:05"`)},
		"huge-name":          {[]string{"huge-name=1000"}, nameLengths, "[2 2 2 2 2]", "[2 2 1000 2 2]"},
		"stamp-answers":      {[]string{"stamp-answers"}, match(get(clientsPath+"?node_id=node-1"), `"time":"[^"]*"`), stamp, taken.Add(time.Minute).Format(`"time":"2006-01-02T15:04:05.000Z"`)},
		"busy-during-rescan": {[]string{"busy-during-rescan"}, match(get(clientsPath+"?node_id=node-1"), `"error_code":"[^"]*"`), "", `"error_code":"DCS.4957"`},
		"refuse-scans": {[]string{"refuse-scans"}, func(t *testing.T, base string) string {
			r := scan(t, base, scanBody)
			return fmt.Sprint(r.status, " ", r.Code)
		}, "400 DCS.4957", "403 DCS.2003"},
		"refuse-configs": {[]string{"refuse-configs"}, match(get("/instances/instance-1/configs"), `"(error_code":"[^"]*|param_value":"10000)"`), `"param_value":"10000"`, `"error_code":"DCS.2003"`},
		"odd-tags":       {[]string{`odd-tags=["a=b"]`}, match(get("/instances"), `"tags":.*?\]`), `"tags":[{"key":"1","value":"2"},{"key":"team","value":"shop"}]`, `"tags":["a=b"]`},
		"odd-instance":   {[]string{"odd-instance"}, match(firstInstance, `"instance_id":[^,]*`), `"instance_id":"instance-1"`, `"instance_id":42`},
		"odd-node":       {[]string{"odd-node"}, match(get("/instances/instance-1/logical-nodes"), `"node_ip":[^,]*`), `"node_ip":"192.168.0.1"`, `"node_ip":["192.168.0.9"]`},
		"upper-ids":      {[]string{"upper-ids"}, match(firstInstance, `"instance_id":[^,]*`), `"instance_id":"instance-1"`, `"instance_id":"INSTANCE-1"`},
		"bom":            {[]string{"bom"}, match(get("/instances"), `^.*?\{`), "{", "\uFEFF{"},
		"quota":          {[]string{"quota=2"}, throttled, "200", "429"},
		"retry-after":    {[]string{"quota=2", "retry-after=90s"}, throttled, "200", "429 90"},
	}
	for _, q := range emulator.Quirks() {
		t.Run(q.Name, func(t *testing.T) {
			tt, ok := tests[q.Name]
			if !ok || q.Help == "" {
				t.Fatal("no test, or no help")
			}
			var passed atomic.Int64
			api, base := serve(t, emulator.Options{Now: func() time.Time { return taken.Add(time.Duration(passed.Load())) }}, fleet(5))
			scan(t, base, scanBody)
			api.SetOptions(func(o *emulator.Options) { o.ScanDuration = time.Hour })
			passed.Store(int64(time.Minute))
			scan(t, base, scanBody)
			if got := tt.probe(t, base); got != tt.plain {
				t.Errorf("without quirks: got %q, want %q", got, tt.plain)
			}
			api.SetOptions(func(o *emulator.Options) {
				for _, text := range tt.quirks {
					if err := o.SetQuirk(text); err != nil {
						t.Error(err)
					}
				}
			})
			if got := tt.probe(t, base); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.quirks, got, tt.want)
			}
		})
	}
}

func TestQuirksThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                  `unknown quirk "": use one of page-cap=N, `,
		"page-caps=1":       `unknown quirk "page-caps": use one of page-cap=N, `,
		"bom=true":          "quirk bom takes no value",
		"bom=":              "quirk bom takes no value",
		"page-cap":          "quirk page-cap needs a value: page-cap=N",
		"page-cap=":         "quirk page-cap needs a value: page-cap=N",
		"page-cap=0":        `quirk page-cap: "0" is not a whole number from 1 to 2147483647`,
		"quota=-1":          `quirk quota: "-1" is not a whole number from 1 to 2147483647`,
		"huge-name=1e6":     `quirk huge-name: "1e6" is not a whole number from 1 to 2147483647`,
		"count=many":        `quirk count: "many" is not a whole number`,
		"time-form=now":     `quirk time-form: "now" is none of garbage, millis, millis-text, none, null, offset, seconds, seconds-text, space, zoneless`,
		"odd-tags={":        `quirk odd-tags: "{" is not JSON`,
		"retry-after=5":     `quirk retry-after: "5" is not a duration of at least 1s`,
		"retry-after=100ms": `quirk retry-after: "100ms" is not a duration of at least 1s`,
	} {
		var o emulator.Options
		if err := o.SetQuirk(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
		if o.PageCap != 0 || o.Count != nil || o.BOM {
			t.Errorf("%q: it was set all the same: %+v", text, o)
		}
	}
}

// TestOddElements checks the position of odd elements, that counts include them,
// and that the elements after them are unchanged.
func TestOddElements(t *testing.T) {
	second := fleet(0)
	second.ID = "instance-2"
	_, base := serve(t, emulator.Options{OddInstance: true, OddNode: true, OddTags: "null"}, fleet(0), second)
	type page struct {
		Num       int `json:"instance_num"`
		Count     int
		Total     int `json:"total"`
		Instances []any
		Nodes     []any
	}
	read := func(path string) page {
		var p page
		if err := json.Unmarshal([]byte(get(path)(t, base)), &p); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return p
	}
	field := func(v any, name string) string {
		object, ok := v.(map[string]any)
		if !ok {
			return fmt.Sprintf("%T", v)
		}
		return fmt.Sprint(object[name])
	}
	all := read("/instances")
	if all.Num != 3 || len(all.Instances) != 3 || field(all.Instances[0], "instance_id") != "42" || field(all.Instances[1], "instance_id") != "instance-1" ||
		field(all.Instances[1], "tags") != "<nil>" || field(all.Instances[2], "tags") == "<nil>" {
		t.Errorf("instances: %v", all)
	}
	if next := read("/instances?offset=1&limit=1"); len(next.Instances) != 1 || field(next.Instances[0], "instance_id") != "instance-1" {
		t.Errorf("second page: %v", next)
	}
	if p := read("/instances-logical-nodes"); p.Count != 3 || len(p.Instances) != 3 || p.Instances[0] != "odd" || field(p.Instances[2], "node_count") != "3" {
		t.Errorf("all nodes: %v", p)
	}
	if p := read("/instances/instance-1/logical-nodes"); p.Total != 3 || len(p.Nodes) != 3 || field(p.Nodes[0], "node_ip") != "[192.168.0.9]" || field(p.Nodes[1], "node_id") != "node-1" {
		t.Errorf("nodes of the first: %v", p)
	}
	if p := read("/instances/instance-2/logical-nodes"); p.Total != 3 || p.Nodes[0] != "odd" || field(p.Nodes[1], "node_id") != "node-1" {
		t.Errorf("nodes of the second: %v", p)
	}
}

// TestInstanceIDsInEitherCase checks that ids are not case-sensitive in paths,
// filters and faults.
func TestInstanceIDsInEitherCase(t *testing.T) {
	for _, upper := range []bool{false, true} {
		api, base := serve(t, emulator.Options{UpperIDs: upper}, fleet(2))
		want := map[bool]string{false: `"instance_id":"instance-1"`, true: `"instance_id":"INSTANCE-1"`}[upper]
		for _, id := range []string{"instance-1", "INSTANCE-1", "Instance-1"} {
			for _, path := range []string{"/instances?instance_id=" + id, "/instances/" + id, "/instances/" + id + "/logical-nodes"} {
				if got := match(get(path), `"instance_id":[^,]*"`)(t, base); got != want {
					t.Errorf("%s: got %s, want %s", path, got, want)
				}
			}
			if r, err := ask(t, base, http.MethodPost, "/instances/"+id+"/clients", scanBody); err != nil || r.Job == "" {
				t.Errorf("scan of %s: %s, %v", id, r.body, err)
			}
			if _, ok := api.Frozen(id, "node-1"); !ok {
				t.Errorf("%s has no list", id)
			}
		}
		api.AddFault(emulator.Fault{InstanceID: "instance-1", Code: "DCS.5000"})
		if got := match(get("/instances/INSTANCE-1"), "DCS.5000")(t, base); got == "" {
			t.Error("a fault missed the instance in another case")
		}
	}
}
