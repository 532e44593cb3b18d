package emulator_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

func TestQuota(t *testing.T) {
	now := time.Now()
	frozen, url := serve(t, emulator.Options{Now: func() time.Time { return now }, Quota: 2, RetryAfter: 7 * time.Second}, fleet(1))
	for i, want := range []int{500, 500, 429, 429} {
		r := list(t, url)
		if r.status != want || (want == 429 && (r.Code != "APIG.0308" || r.header.Get("Retry-After") != "7")) {
			t.Errorf("request %d: %d %s", i, r.status, r.Code)
		}
	}
	if n := len(frozen.Requests()); n != 4 {
		t.Errorf("%d requests in the log", n)
	}
}

// TestRequestLog checks what is recorded about requests.
func TestRequestLog(t *testing.T) {
	at := time.Now()
	api, base := serve(t, emulator.Options{Now: func() time.Time { return at }}, fleet(20))
	scan(t, base, scanBody)
	page := list(t, base, "offset=5", "limit=7")
	if _, err := ask(t, base, http.MethodGet, "/instances", "", "limit=0"); err != nil {
		t.Fatal(err)
	}
	bad := signed(t, base, "")
	bad.Header.Set("X-Project-Id", "changed")
	status(t, bad)
	api.AddFault(emulator.Fault{Reset: true, Times: 1})
	if _, err := ask(t, base, http.MethodGet, "/instances/instance-1", ""); err == nil {
		t.Error("the connection was not closed")
	}
	got := api.Requests()
	for i := range got {
		if got[i].Status != 0 && got[i].Bytes == 0 {
			t.Errorf("request %d has an empty answer", i)
		}
		if i != 1 {
			got[i].Bytes = 0
		}
	}
	want := []emulator.Request{
		{Operation: "scan_clients", ProjectID: "project-1", InstanceID: "instance-1", NodeID: "node-1", Status: 200, At: at},
		{Operation: "list_clients", ProjectID: "project-1", InstanceID: "instance-1", NodeID: "node-1", Offset: 5, Limit: 7, Status: 200, Bytes: len(page.body), At: at},
		{Operation: "list_instances", ProjectID: "project-1", Status: 400, At: at},
		{Operation: "scan_clients", ProjectID: "project-1", InstanceID: "instance-1", NodeID: "node-1", Status: 401, At: at, Unauthorized: true},
		{Operation: "show_instance", ProjectID: "project-1", InstanceID: "instance-1", At: at},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, want := api.Counts(), map[string]int{"scan_clients": 2, "list_clients": 1, "list_instances": 1, "show_instance": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	api.ResetRequests()
	if len(api.Requests()) != 0 || len(api.Counts()) != 0 {
		t.Errorf("after a reset: %v, %v", api.Requests(), api.Counts())
	}
}
