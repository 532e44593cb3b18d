package emulator_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault emulator.Fault
		check func(r reply, err error) bool
	}{
		{"code", emulator.Fault{Status: 403, Code: "DCS.2007", Message: "m"}, func(r reply, _ error) bool { return r.status == 403 && r.Code == "DCS.2007" }},
		{"gateway code", emulator.Fault{Status: 429, Code: "APIG.0308", Header: http.Header{"Retry-After": {"3"}}}, func(r reply, _ error) bool {
			return r.status == 429 && r.header.Get("Retry-After") == "3" && strings.Contains(r.body, "request_id")
		}},
		{"status alone", emulator.Fault{Status: 502}, func(r reply, _ error) bool { return r.status == 502 && r.body == "" }},
		{"body", emulator.Fault{Body: []byte("<html>")}, func(r reply, _ error) bool { return r.status == 200 && r.body == "<html>" }},
		{"reset", emulator.Fault{Reset: true}, func(_ reply, err error) bool { return err != nil }},
		{"cut", emulator.Fault{CutAfter: 10}, func(r reply, err error) bool { return err != nil && len(r.body) == 10 }},
		{"code alone", emulator.Fault{Code: "DCS.4049"}, func(r reply, _ error) bool { return r.status == 400 && r.Code == "DCS.4049" }},
		{"content type", emulator.Fault{Body: []byte("<html>"), ContentType: "text/html"}, func(r reply, _ error) bool {
			return r.header.Get("Content-Type") == "text/html" && r.body == "<html>"
		}},
		{"true answer with a header", emulator.Fault{Header: http.Header{"X-More": {"1"}}}, func(r reply, _ error) bool {
			return r.status == 200 && r.Count == 3 && r.header.Get("X-More") == "1"
		}},
		{"short answer cut", emulator.Fault{Status: 502, Body: []byte("abc"), CutAfter: 10}, func(r reply, err error) bool { return err != nil && r.body == "abc" }},
		{"before the signature", emulator.Fault{BeforeAuth: true, Status: 503}, func(r reply, _ error) bool { return r.status == 503 }},
		{"before the signature, late", emulator.Fault{BeforeAuth: true, Delay: 50 * time.Millisecond}, func(r reply, _ error) bool { return r.status == 200 && r.Count == 3 }},
		{"hang", emulator.Fault{Hang: true}, func(_ reply, err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"delay", emulator.Fault{Delay: 50 * time.Millisecond}, func(r reply, _ error) bool { return r.status == 200 && r.Count == 3 }},
		{"rewrite", emulator.Fault{Rewrite: func(b []byte) []byte { return append(b, 'x') }}, func(r reply, _ error) bool { return strings.HasSuffix(r.body, "}x") }},
		{"another offset", emulator.Fault{Offset: emulator.At(5), Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
		{"this offset", emulator.Fault{Offset: emulator.At(0), Status: 502}, func(r reply, _ error) bool { return r.status == 502 }},
		{"another node", emulator.Fault{NodeID: "node-2", Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
		{"another instance", emulator.Fault{InstanceID: "instance-2", Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
		{"another operation", emulator.Fault{Operation: "scan_clients", Status: 502}, func(r reply, _ error) bool { return r.status == 200 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, base := serve(t, emulator.Options{}, fleet(3))
			scan(t, base, scanBody)
			tt.fault.Times = 1
			api.AddFault(tt.fault)
			start := time.Now()
			r, err := ask(t, base, http.MethodGet, clientsPath, "", "node_id=node-1")
			if !tt.check(r, err) || time.Since(start) < tt.fault.Delay {
				t.Errorf("got %d %q, %v", r.status, r.body, err)
			}
			if strings.HasPrefix(tt.name, "another") {
				return
			}
			if r := list(t, base); r.status != 200 {
				t.Errorf("after its time: %d", r.status)
			}
		})
	}
}

// TestFaultsAndSignatures checks that a fault before the signature check hits all
// requests, one after it only those with a valid signature, and that a fault
// without an answer does not bypass the check.
func TestFaultsAndSignatures(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(1))
	unsigned := func() int {
		r, err := http.NewRequest(http.MethodGet, base+"/v2/project-1/instances", nil)
		if err != nil {
			t.Fatal(err)
		}
		return status(t, r)
	}
	for _, tt := range []struct {
		name  string
		fault emulator.Fault
		want  int
	}{
		{"before", emulator.Fault{BeforeAuth: true, Status: 502}, 502},
		{"after", emulator.Fault{Status: 502}, 401},
		{"before, late", emulator.Fault{BeforeAuth: true, Delay: time.Millisecond}, 401},
	} {
		api.SetFaults(tt.fault)
		if got := unsigned(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	api.ClearFaults()
	if r, err := ask(t, base, http.MethodGet, "/instances", ""); err != nil || r.status != 200 {
		t.Errorf("without faults: %d, %v", r.status, err)
	}
}

// TestFaultsTakeTurns checks that the next fault takes over when one has hit
// Times requests, and that a request can be hit before and after the signature
// check.
func TestFaultsTakeTurns(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(1))
	scan(t, base, scanBody)
	api.SetFaults(
		emulator.Fault{Times: 2, Status: 502}, emulator.Fault{Times: 1, Status: 503},
		emulator.Fault{BeforeAuth: true, Header: http.Header{"X-Early": {"1"}}},
	)
	for i, want := range []int{502, 502, 503, 200, 200} {
		if r := list(t, base); r.status != want || r.header.Get("X-Early") != "1" {
			t.Errorf("request %d: %d, want %d (%v)", i, r.status, want, r.header)
		}
	}
}

// TestCloseEndsHanging checks that Close ends hanging requests, and that the
// emulator can still be used.
func TestCloseEndsHanging(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(1))
	api.AddFault(emulator.Fault{Hang: true, Times: 1})
	failed := make(chan error)
	start := time.Now()
	go func() {
		_, err := ask(t, base, http.MethodGet, "/instances", "")
		failed <- err
	}()
	time.Sleep(20 * time.Millisecond)
	api.Close()
	api.Close()
	if err := <-failed; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	if r, err := ask(t, base, http.MethodGet, "/instances", ""); err != nil || r.status != 200 {
		t.Errorf("afterwards: %d, %v", r.status, err)
	}
}
