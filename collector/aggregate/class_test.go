package aggregate_test

import (
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// TestClasses checks that each session counts in the class that Redis puts it in.
func TestClasses(t *testing.T) {
	for flags, want := range map[string]aggregate.Class{
		"N": aggregate.Normal, "": aggregate.Normal, "O": aggregate.Normal, "b": aggregate.Normal, "Z": aggregate.Normal, "x": aggregate.Normal,
		"P": aggregate.PubSub, "Pt": aggregate.PubSub, "S": aggregate.Replica, "M": aggregate.Master, "SP": aggregate.Replica,
	} {
		s := addUp(testOptions(), dcsapi.Session{Flags: flags, OMem: 7, Present: allNumbers}, dcsapi.Session{Flags: flags, OMem: 5, Present: allNumbers}, dcsapi.Session{Flags: flags})
		for class, got := range s.ByClass {
			wantStats := aggregate.ClassStats{}
			if aggregate.Class(class) == want {
				wantStats = aggregate.ClassStats{Sessions: 3, OutputMemory: aggregate.Sum{Total: 12, Max: 7, Count: 2, Missing: 1}}
			}
			if got != wantStats {
				t.Errorf("flags %q: class %s has %+v, want %+v", flags, aggregate.Classes[class], got, wantStats)
			}
		}
	}
}

// TestBeyondTimeout checks which sessions count as idle beyond the server's
// timeout, and that nothing does where there is none.
func TestBeyondTimeout(t *testing.T) {
	sessions := []dcsapi.Session{
		{Flags: "N", Idle: 301, Present: allNumbers},
		{Flags: "N", Idle: 300, Present: allNumbers},
		{Flags: "b", Idle: 900, Present: allNumbers},
		{Flags: "P", Idle: 900, Present: allNumbers},
		{Flags: "S", Idle: 900, Present: allNumbers},
		{Flags: "N", User: "(superuser)", Idle: 900, Present: allNumbers},
		{Flags: "x", Idle: 900, Present: allNumbers},
		{Flags: "N"},
	}
	for timeout, want := range map[time.Duration]aggregate.Sum{
		0:               {},
		5 * time.Minute: {Total: 2, Max: 1, Count: 7, Missing: 1},
		time.Hour:       {Count: 7, Missing: 1},
	} {
		o := testOptions()
		agg := aggregate.New(&o, asIs)
		agg.SetTimeout(timeout)
		for _, s := range sessions {
			agg.Add(&s)
		}
		if got := agg.Snapshot(nil, time.Time{}); got.BeyondTimeout != want || got.Timeout != timeout {
			t.Errorf("timeout %s: got %+v, want %+v", timeout, got.BeyondTimeout, want)
		}
	}
}
