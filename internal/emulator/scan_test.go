package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

func TestScanLifeCycle(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy during a rescan: %v", busy), func(t *testing.T) {
			var c clock
			sessions := 1
			instance := fleet(0)
			instance.Nodes[0].Sessions = emulator.SourceFunc(func(context.Context, time.Time) ([]emulator.Session, string, error) {
				if sessions < 0 {
					return nil, "", errors.New("no")
				}
				out := make([]emulator.Session, sessions)
				for i := range out {
					out[i].ID = fmt.Sprint(i)
				}
				return out, "raw", nil
			})
			_, base := serve(t, emulator.Options{Now: c.now, ScanDuration: 10 * time.Second, BusyDuringRescan: busy}, instance)

			want := func(r reply, status int, code string, count int) {
				t.Helper()
				if r.status != status || r.Code != code || r.Count != count {
					t.Errorf("got HTTP %d %s, count %d; want %d %s, %d", r.status, r.Code, r.Count, status, code, count)
				}
			}
			want(list(t, base), 500, "DCS.5000", 0) // never scanned
			if r := scan(t, base, scanBody); r.Job == "" {
				t.Errorf("no job: %s", r.body)
			}
			sessions = 2                            // the list is that of the scan's start
			want(list(t, base), 400, "DCS.4957", 0) // the first scan runs
			want(scan(t, base, scanBody), 400, "DCS.4957", 0)
			c.advance(10 * time.Second)
			first := list(t, base)
			want(first, 200, "", 1)
			if r := scan(t, base, `{"node_id":"node-1"}`); r.Job == "" {
				t.Errorf("scan that keeps the list: %s", r.body)
			}
			c.advance(10 * time.Second)
			want(list(t, base), 200, "", 1) // clean_cache was false: it stays
			scan(t, base, scanBody)
			if busy {
				want(list(t, base), 400, "DCS.4957", 0)
			} else {
				want(list(t, base), 200, "", 1) // the old list
			}
			c.advance(10 * time.Second)
			second := list(t, base)
			want(second, 200, "", 2)
			if first.Time == second.Time {
				t.Errorf("both lists are of %s", first.Time)
			}
			sessions = -1
			scan(t, base, scanBody)
			c.advance(10 * time.Second)
			want(list(t, base), 200, "", 2) // the scan failed: the old list stays
		})
	}
}

func TestScanThatFails(t *testing.T) {
	instance := fleet(0)
	instance.Nodes[0].Sessions = emulator.SourceFunc(func(context.Context, time.Time) ([]emulator.Session, string, error) {
		return nil, "", errors.New("no")
	})
	_, base := serve(t, emulator.Options{}, instance)
	scan(t, base, scanBody)
	if r := list(t, base); r.status != 500 || r.Code != "DCS.4842" {
		t.Errorf("got %s", r.body)
	}
}

// TestSlowSource checks that a scan with a slow source ends only once the source
// has answered, and blocks nobody else.
func TestSlowSource(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	instance := fleet(2)
	instance.Nodes[1].Sessions = emulator.SourceFunc(func(ctx context.Context, _ time.Time) ([]emulator.Session, string, error) {
		close(asked)
		<-answer
		return []emulator.Session{{ID: "1"}}, "", ctx.Err()
	})
	api, base := serve(t, emulator.Options{}, instance)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The client gives up before the answer: the scan continues anyway.
		if _, err := ask(t, base, "POST", clientsPath, `{"node_id":"node-2"}`); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the scan: %v", err)
		}
	}()
	<-asked
	scan(t, base, scanBody)
	if r := list(t, base); r.Count != 2 {
		t.Errorf("the other node: %s", r.body)
	}
	if r := list(t, base, "node_id=node-2"); r.Code != "DCS.4957" {
		t.Errorf("the node itself: %s", r.body)
	}
	<-done
	time.Sleep(50 * time.Millisecond) // the emulator learns that the client has gone
	close(answer)
	for range 100 {
		if l, ok := api.Frozen("instance-1", "node-2"); ok {
			if len(l.Sessions) != 1 {
				t.Errorf("the list is %v", l)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the list never comes")
}

// TestFrozen checks that Frozen returns a copy, and that changing an instance does
// not change its lists.
func TestFrozen(t *testing.T) {
	api, base := serve(t, emulator.Options{}, fleet(3))
	if _, ok := api.Frozen("instance-1", "node-1"); ok {
		t.Error("a list before the first scan")
	}
	scan(t, base, scanBody)
	first, ok := api.Frozen("instance-1", "node-1")
	if !ok || len(first.Sessions) != 3 {
		t.Fatalf("the list is %v", first)
	}
	first.Sessions[0].ID = "changed"
	api.Change("instance-1", func(i *emulator.Instance) { i.Name = "renamed"; i.Nodes[0].Sessions = emulator.Static{} })
	if again, _ := api.Frozen("instance-1", "node-1"); len(again.Sessions) != 3 || again.Sessions[0].ID != "1" {
		t.Errorf("the list has become %v", again)
	}
	if r := list(t, base); r.Time != first.Time.UTC().Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("the page is of %s, the list of %s", r.Time, first.Time)
	}
	scan(t, base, scanBody)
	if r := list(t, base); r.Count != 0 || r.body == "" || r.Clients == nil {
		t.Errorf("with the new source: %s", r.body)
	}
	api.Remove("instance-1")
	if _, ok := api.Frozen("instance-1", "node-1"); ok {
		t.Error("a list of an instance that was removed")
	}
	if r := list(t, base); r.Code != "DCS.3022" {
		t.Errorf("an instance that was removed: %s", r.body)
	}
}
