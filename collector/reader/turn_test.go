package reader_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
)

// slowAPI is an API whose answers take a random time, and end with the context.
type slowAPI struct {
	open   atomic.Int32 // requests
	most   atomic.Int32 // that were open at a time
	scans  atomic.Int32
	lists  atomic.Int32
	cutoff atomic.Int32 // requests that the context has ended
}

func (a *slowAPI) wait(ctx context.Context) error {
	n := a.open.Add(1)
	defer a.open.Add(-1)
	for most := a.most.Load(); n > most && !a.most.CompareAndSwap(most, n); most = a.most.Load() {
	}
	select {
	case <-time.After(time.Duration(rand.IntN(300)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		a.cutoff.Add(1)
		return &dcsapi.Error{Reason: dcsapi.ReasonTimeout, Err: context.Cause(ctx)}
	}
}

// ListClients implements reader.API with lists of one session.
func (a *slowAPI) ListClients(ctx context.Context, _ dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	if err := a.wait(ctx); err != nil {
		return dcsapi.Page{}, err
	}
	if consume != nil {
		a.lists.Add(1)
		consume(func(yield func(*dcsapi.Session) bool) { yield(&dcsapi.Session{ID: "1", User: "u"}) })
	}
	now := time.Now()
	return dcsapi.Page{Time: now.String(), Taken: now, Date: now, Count: 1, Sessions: 1}, nil
}

// ScanClients implements reader.API.
func (a *slowAPI) ScanClients(ctx context.Context, _, _ string) (string, error) {
	a.scans.Add(1)
	return "", a.wait(ctx)
}

// Redact implements reader.API.
func (*slowAPI) Redact(s string) string { return s }

// TestJoinersComeAndGo has scrapes with all kinds of deadlines, some of which are
// cancelled, and scans on demand ask for one node all the time. Each returns in its
// time, one turn is taken at a time, and min_interval is kept.
func TestJoinersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lateness, minInterval = 60 * time.Millisecond, 10 * time.Second
		api := &slowAPI{}
		var nodes reader.Nodes
		r := reader.New(api, &nodes, &reader.Options{
			Scan: reader.ScanOptions{MinInterval: minInterval, Wait: time.Second}, Aggregate: &aggregate.Options{Limits: aggregate.Limits{Users: 1}},
			HiddenCountTTL: time.Hour, Timeout: 30 * time.Second,
		}, 8, func() {})
		start := time.Now()
		var wait sync.WaitGroup
		var read, failed atomic.Int32
		open := make(chan struct{})
		close(open)
		for range 2000 {
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Millisecond)
				defer cancel()
				if rand.IntN(5) == 0 {
					go func() {
						time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
						cancel()
					}()
				}
				if rand.IntN(20) == 0 {
					_ = r.Scan(ctx, "i", "n")
					return
				}
				end, _ := ctx.Deadline()
				scanned := 0
				out := r.Read(ctx, reader.Request{
					InstanceID: "i", NodeID: "n", ScanBy: end, Wait: time.Second, ReadFrom: open,
					OnRequest: func() {}, OnScanned: func() { scanned++ },
				})
				if late := time.Since(end); late > lateness {
					t.Errorf("a scrape returns %v late", late)
				}
				switch {
				case out.Err == nil && out.Snapshot.Sessions == 1:
					read.Add(1)
				case out.Err == nil, dcsapi.ReasonOf(out.Err) != dcsapi.ReasonTimeout && !errors.Is(out.Err, context.Canceled):
					t.Errorf("%+v", out)
				default:
					failed.Add(1)
				}
				if out.Err == nil && scanned != 1 {
					t.Errorf("OnScanned was called %d times", scanned)
				}
			})
		}
		wait.Wait()
		time.Sleep(time.Minute) // what was cancelled ends
		if n := api.open.Load(); n != 0 {
			t.Errorf("%d requests are still open", n)
		}
		if n, most := int(api.scans.Load()), int(time.Since(start)/minInterval)+1; n > most || n < 3 {
			t.Errorf("%d scans in %v", n, time.Since(start))
		}
		if read.Load() < 500 || failed.Load() == 0 || api.cutoff.Load() == 0 || api.most.Load() > 2 {
			t.Errorf("%d read, %d failed, %d requests were cut off, %d were open at a time", read.Load(), failed.Load(), api.cutoff.Load(), api.most.Load())
		}
	})
}
