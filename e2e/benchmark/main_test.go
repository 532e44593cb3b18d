package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's own program take the roles of the processes that
// the benchmark starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "pages" || os.Args[1] == "read") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestBench runs all parts once, on few sessions: each checks what it has read.
// How long it took is nobody's business here.
func TestBench(t *testing.T) {
	var out bytes.Buffer
	o := options{sessions: 3000, nodes: 2, rounds: 1, latency: time.Millisecond, growth: []int{1000}}
	if err := bench(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3000 sessions on 2 nodes", "### Plain HTTP\n", "| the vendor SDK's ListClients |", "| scrape, protobuf |", "gzip\n", "### TLS\n", "1ms of latency\n",
		"10000 clients within the limit", "| 1000 |", "Left out: no redis_exporter was given",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestAgree(t *testing.T) {
	all := []result{{amount: amount{Bytes: 7}}, {amount: amount{Sessions: 5, OMem: 9}}, {amount: amount{Sessions: 5, OMem: 9}}}
	if err := agree(all, 5); err != nil {
		t.Error(err)
	}
	for _, odd := range []amount{{Sessions: 4, OMem: 9}, {Sessions: 5, OMem: 8}} {
		all[2].amount = odd
		if agree(all, 5) == nil {
			t.Errorf("no error for %+v", odd)
		}
	}
}

func TestSpread(t *testing.T) {
	if got, want := spreadOf([]float64{5, 1, 4, 2, 3}), (spread{2, 3, 4}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
