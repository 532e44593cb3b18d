package recording

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestAnonymize checks what becomes of the parts of an answer.
func TestAnonymize(t *testing.T) {
	for _, tt := range []struct {
		name string
		body string
		want string // a regular expression
	}{
		{
			"numbers and times stay", `{"time":"2026-03-01T08:00:00.123Z","count":2,"clients":[{"id":"123456789012","age":360900,"omem":10737418240,"multi":-1,"db":"0","fd":"8"}]}`,
			`{"time":"2026-03-01T08:00:00\.123Z","count":2,"clients":\[{"id":"123456789012","age":360900,"omem":10737418240,"multi":-1,"db":"0","fd":"8"}\]}`,
		},
		{"order, repeated keys and spelling stay", `{"b": 1.50, "a" :null,"b":[ ],"c":{},"age":1e3}`, `{"b":\d.00,"a":null,"b":\[\],"c":{},"age":1e3}`},
		{
			"states stay", `{"status":"RUNNING","engine":"Redis","engine_version":"6.0","spec_code":"redis.ha.xu1.large.r2.8","node_role":"redis-server","error_code":"DCS.4957","network":"vpc","flags":"xP","events":"rw","cmd":"client|list"}`,
			`{"status":"RUNNING","engine":"Redis","engine_version":"6\.0","spec_code":"redis\.ha\.xu1\.large\.r2\.8","node_role":"redis-server","error_code":"DCS\.4957","network":"vpc","flags":"xP","events":"rw","cmd":"client\|list"}`,
		},
		{"users that everybody has stay", `[{"user":"default"},{"user":"(superuser)"},{"user":"alice"},{"user":""}]`, `\[{"user":"default"},{"user":"\(superuser\)"},{"user":"user-1"},{"user":""}\]`},
		{"the same text, the same replacement", `[{"user":"alice","name":"alice"},{"name":"bobby"}]`, `\[{"user":"user-1","name":"user-1"},{"name":"name-1"}\]`},
		{
			"tags", `{"tags":[{"key":"team","value":"orders"},{"team":"orders"},"team=orders",42],"resource_tags":{"cost_center":"X-1"}}`,
			`{"tags":\[{"key":"tag-1","value":"tag-2"},{"tag-1":"tag-2"},"tag-3",\d\d\],"resource_tags":{"tag-4":"tag-5"}}`,
		},
		{
			"unknown fields keep their shape", `{"lib_name":"jedis","nested":{"secretish":["a","b",12345,true,null,{"deep":"c"}]},"2 keys":1}`,
			`{"lib_name":"name-1","nested":{"secretish":\["text-1","text-2",\d{5},true,null,{"deep":"text-3"}\]},"text-4":1}`,
		},
		{"a field named by what is private", `{"alice_sessions":"x","clients":[{"user":"alice_sessions"}]}`, `{"user-1":"text-1","clients":\[{"user":"user-1"}\]}`},
		{"a harmless value that is private too", `{"status":"orderly","name":"orderly"}`, `{"status":"(\w+-1)","name":"\w+-1"}`},
		{"a map with names as keys", manyFields(), `{"by_name":{("text-\d+":0,?)+}}`},
		{
			"messages", `{"error_msg":"User alice of 10.1.2.3 (project 0123456789abcdef0123456789abcdef) has no permission for dcs:instance:list, limit:5,time:1 minute."}`,
			`{"error_msg":"User text-1 of 10\.[0-9.]+ \(project a[0-9a-f]{31}\) has no permission for dcs:instance:list, limit:5,time:1 minute\."}`,
		},
		{
			"parameters", `{"redis_config":[{"param_id":"7","param_name":"client-output-buffer-limit","param_value":"256mb 64mb 60","value_range":"0-7200"},{"param_name":"requirepass","param_value":"hunter2"},{"param_name":"maxclients","param_value":"unlimited"}]}`,
			`{"redis_config":\[{"param_id":"7","param_name":"client-output-buffer-limit","param_value":"256mb 64mb 60","value_range":"0-7200"},{"param_name":"requirepass","param_value":"text-1"},{"param_name":"maxclients","param_value":"unlimited"}\]}`,
		},
		{
			"specifications", `{"flavors":[{"spec_code":"redis.ha.xu1.large.r2.8","capacity":["8"],"attrs":[{"capacity":"8","name":"max_clients","value":"10000"}]}]}`,
			`{"flavors":\[{"spec_code":"redis\.ha\.xu1\.large\.r2\.8","capacity":\["8"\],"attrs":\[{"capacity":"8","name":"max_clients","value":"10000"}\]}\]}`,
		},
		{
			"projects", `{"projects":[{"id":"05041fffa40025702f6dc009cc6f8f33","name":"cn-north-4"},{"name":"cn-north-4_orders"}]}`,
			`{"projects":\[{"id":"a[0-9a-f]{31}","name":"cn-north-4"},{"name":"cn-north-4_name-1"}\]}`,
		},
		{"private numbers", `{"instance_id":42,"name":7,"enterprise_project_id":0,"unknown":123456,"flag":1}`, `{"instance_id":\d\d,"name":\d+,"enterprise_project_id":0,"unknown":\d{6},"flag":1}`},
		{"a long name", `[{"name":"` + strings.Repeat("secret", 50) + `"}]`, `\[{"name":"name-1-x{293}"}\]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(one(t, "/v2/p/things", tt.body).Exchanges[0].Response.Body)
			if !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// manyFields returns an object with more fields than the API's have.
func manyFields() string {
	var b strings.Builder
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, `,"orders%d":0`, i)
	}
	return `{"by_name":{` + b.String()[1:] + `}}`
}

// TestRequests checks what is kept of requests and headers.
func TestRequests(t *testing.T) {
	var r Recorder
	header := http.Header{
		"Date": {"Thu, 26 Nov 2026 16:46:13 GMT"}, "Content-Type": {"application/json;charset=utf8"}, "X-Request-Id": {"0123456789abcdef0123456789abcdef"},
		"Retry-After": {"7"}, "Set-Cookie": {"session=abc"}, "Server": {"proxy.orders.internal"}, "X-Apig-Ratelimit-Api": {"remain:95,limit:100,time:1 minute for orders"},
	}
	send(t, &r, answering(http.StatusOK, `{"job_id":"2c9f8df2","status":"ACCESSKEY"}`, header), http.MethodPost, "http://dcs.private.example"+sessionsPath+"?sort=omem&addr=10.1.2.3&extra=orders", `{"node_id":"8f7ee181","clean_cache":true}`,
		http.Header{"Authorization": {"SDK-HMAC-SHA256 Access=ACCESSKEY, SignedHeaders=host, Signature=5167a7e1c0ffee"}, "X-Security-Token": {"TOKEN-OF-A-SESSION"}})
	recorded, _, err := r.Recording(Manifest{Projects: []Project{{Region: "cn-north-4", ID: "05041fffa40025702f6dc009cc6f8f33", Configured: []Instance{{ID: "1f63d64e-0000-4000-8000-000000000001", Nodes: []string{"8f7ee181"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	x := recorded.Exchanges[0]
	p := recorded.Manifest.Projects[0]
	if want := "/v2/" + p.ID + "/instances/" + p.Configured[0].ID + "/clients"; x.Request.Path != want || strings.Contains(want, "1f63d64e") {
		t.Errorf("path %s, want %s", x.Request.Path, want)
	}
	if got, want := string(x.Request.Body), `{"node_id":"`+p.Configured[0].Nodes[0]+`","clean_cache":true}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
	if q := x.Request.Query; q.Get("sort") != "omem" || q.Get("extra") == "orders" || !strings.HasPrefix(q.Get("addr"), "10.") {
		t.Errorf("query %v", q)
	}
	h := x.Response.Headers
	if h["Date"] != header.Get("Date") || h["Retry-After"] != "7" || h["Content-Type"] == "" || len(h) != 5 || !strings.HasPrefix(h["X-Apig-Ratelimit-Api"], "remain:95,limit:100,time:1 minute for text-") {
		t.Errorf("headers %v", h)
	}
	all := unpacked(t, archive(t, recorded))
	for _, private := range []string{"ACCESSKEY", "5167a7e1c0ffee", "TOKEN-OF", "private.example", "orders", "session=abc", "8f7ee181", "2c9f8df2", "0123456789abcdef", "10.1.2.3", "Authorization"} {
		if strings.Contains(all, private) {
			t.Errorf("%s is in the recording:\n%s", private, all)
		}
	}
}

// TestNotJSON checks that of other bodies only the length is kept.
func TestNotJSON(t *testing.T) {
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	for _, body := range []string{"<html>secret</html>", `{"name":"secret"`, `{"name":"secret"} {}`, deep, "\x00secret", `{"name":"secret"}secret`} {
		x := one(t, "/v2/p/instances", body).Exchanges[0]
		if x.Response.Body != nil || x.Response.Length != len(body) {
			t.Errorf("%.20q: body %.40q, length %d", body, x.Response.Body, x.Response.Length)
		}
	}
	if x := one(t, "/v2/p/instances", "\xef\xbb\xbf{}").Exchanges[0]; !x.Response.BOM || string(x.Response.Body) != "{}" {
		t.Errorf("after a byte order mark: %+v", x.Response)
	}
}
