package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// TestTargetsThatAreNotRead measures the memory of lists of targets of some
// 5 MiB that nobody reads.
func TestTargetsThatAreNotRead(t *testing.T) {
	var many strings.Builder
	many.WriteString(`"instances":[`)
	for i := range 6000 {
		fmt.Fprintf(&many, `{"instance_id":"many-%d","status":"RUNNING","name":"%s"},`, i, strings.Repeat("n", 500))
	}
	_, url := startWith(t, how{
		discover: func(dcsapi.Instance) bool { return true },
		faults:   []emulator.Fault{replace("list_instances", `"instances":[{`, many.String()+"{")},
	})
	if body := await(t, url+"/sd", http.StatusOK); len(body) < 4<<20 {
		t.Fatalf("the answer has only %d bytes", len(body))
	}
	before := live()
	var wait sync.WaitGroup
	for range 40 { // at once
		wait.Go(func() { requestUnread(t, url, "/sd") })
	}
	wait.Wait()
	for range 40 { // one after the other
		requestUnread(t, url, "/sd")
	}
	most := live()
	t.Logf("%d MiB before, %d MiB at most", before, most)
	if most-before > 100 {
		t.Errorf("80 answers that are not read take %d MiB", most-before)
	}
}
