package dcsapi_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// TestRevokedKey revokes a key that several projects use at full speed, and
// checks how often it is refused: the vendor locks it after five refusals in a
// row.
func TestRevokedKey(t *testing.T) {
	for _, tt := range []struct {
		name     string
		projects int
		answer   func(w http.ResponseWriter, r *http.Request, refuse bool)
	}{
		{"one project", 1, answerSoon},
		{"three projects", 3, answerSoon},
		{"ten projects", 10, answerSoon},
		{"refusals that hang", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if refuse {
				brokenBodies["hanging"](w, r, http.StatusUnauthorized, "")
				return
			}
			answerSoon(w, r, false)
		}},
		{"refusals that break off", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if refuse {
				brokenBodies["no gzip"](w, r, http.StatusUnauthorized, "x")
				return
			}
			answerSoon(w, r, false)
		}},
		{"refusals with a status of success", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if refuse {
				_, _ = w.Write([]byte(`{"error_code":"APIGW.0301"}`))
				return
			}
			answerSoon(w, r, false)
		}},
		{"packed refusals with a status of success", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if refuse {
				w.Header().Set("Content-Encoding", "gzip")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(200 * time.Millisecond)
				packed := gzip.NewWriter(w)
				_, _ = packed.Write([]byte(`{"error_code":"APIGW.0301"}`))
				_ = packed.Close()
				return
			}
			answerSoon(w, r, false)
		}},
		{"refusals that take long", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if refuse {
				time.Sleep(time.Second)
			}
			answerSoon(w, r, refuse)
		}},
		{"failures between", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if !refuse && rand.N(3) == 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			answerSoon(w, r, refuse)
		}},
		{"broken connections between", 3, func(w http.ResponseWriter, r *http.Request, refuse bool) {
			if !refuse && rand.N(5) == 0 {
				panic(http.ErrAbortHandler)
			}
			answerSoon(w, r, refuse)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var revoked atomic.Bool
			var refused atomic.Int64
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(30 * time.Millisecond)
				refuse := revoked.Load()
				if refuse {
					refused.Add(1)
				}
				tt.answer(w, r, refuse)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var keyring dcsapi.Keyring
			var wait sync.WaitGroup
			var done atomic.Int64
			stop := make(chan struct{})
			for i := range tt.projects {
				share := func(o *dcsapi.Options) { o.Keyring, o.ProjectID = &keyring, fmt.Sprint("p", i) }
				before := newClient(t, handler, share)
				after := newClient(t, handler, share) // as after a reload
				for n := range 20 {
					wait.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
							}
							c := before
							if n%2 == 1 {
								c = after
							}
							_, _ = c.ListInstances(ctx)
							if revoked.Load() {
								time.Sleep(10 * time.Millisecond)
							}
							done.Add(1)
						}
					})
				}
			}
			time.Sleep(500 * time.Millisecond)
			if done.Load() < 5 {
				t.Errorf("only %d requests before the key was revoked", done.Load())
			}
			revoked.Store(true)
			time.Sleep(1500 * time.Millisecond)
			close(stop)
			wait.Wait()
			if n := refused.Load(); n < 1 || n > 5 {
				t.Errorf("the key was refused %d times, want 1 to 5", n)
			}
		})
	}
}

func answerSoon(w http.ResponseWriter, _ *http.Request, refuse bool) {
	if refuse {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
}

// TestHangingNeighbour checks that requests that hang do not keep others with
// the same key waiting for long, in the same project or in another one.
func TestHangingNeighbour(t *testing.T) {
	ended := make(chan struct{})
	hangs := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
			answerSoon(w, r, false)
		}
	}
	var all atomic.Bool
	bad := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if all.Load() || r.URL.Query().Get("node_id") == "hangs" {
			hangs(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"clients":[],"count":0}`))
	})
	var keyring dcsapi.Keyring
	first := newClient(t, bad, func(o *dcsapi.Options) { o.Keyring = &keyring })
	second := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerSoon(w, r, false) }), func(o *dcsapi.Options) { o.Keyring = &keyring })
	t.Cleanup(func() { close(ended) })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := listOnce(ctx, first); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	hang := func(n int, node string) {
		for range n {
			wait.Go(func() {
				_, _ = first.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: "instance-1", NodeID: node}, nil)
			})
		}
		time.Sleep(50 * time.Millisecond)
	}
	quick := func(what string, most time.Duration, f func() error) {
		t.Helper()
		start := time.Now()
		if err := f(); err != nil || time.Since(start) > most {
			t.Errorf("%s: %v after %s", what, err, time.Since(start))
		}
	}
	another := func() error {
		_, err := second.ListInstances(ctx)
		return err
	}
	hang(6, "hangs")
	quick("another node", time.Second, func() error {
		_, err := listOnce(ctx, first)
		return err
	})
	all.Store(true)
	hang(10, "node-1") // two get a slot
	quick("another project", 3*time.Second, another)
	for range 20 {
		quick("another project, then", 50*time.Millisecond, another)
	}
}

// BenchmarkSharedKey measures what the bound on a key's open requests costs, on
// an API that answers in 30 ms: how long a burst of 20 requests of each project
// takes, and requests a second with all the slots in use.
func BenchmarkSharedKey(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(30 * time.Millisecond)
		answerSoon(w, r, false)
	}))
	defer server.Close()
	for _, projects := range []int{1, 3, 10} {
		for _, open := range []int{dcsapi.MaxOpen, 1000} {
			for _, perSecond := range []float64{20, 1000} {
				b.Run(fmt.Sprintf("projects=%d/open=%d/rate=%v", projects, open, perSecond), func(b *testing.B) {
					keyring := dcsapi.NewKeyring(open)
					var clients []*dcsapi.Client
					for i := range projects {
						c := dcsapi.New(dcsapi.Options{
							Endpoint: server.URL, ProjectID: fmt.Sprint("p", i), Keyring: keyring, RequestsPerSecond: perSecond,
							Keys: staticKey("AK", "SK", ""),
						})
						defer c.Close()
						clients = append(clients, c)
					}
					var sent atomic.Int64
					all := func(n int) {
						var wait sync.WaitGroup
						for _, c := range clients {
							for range n {
								wait.Go(func() {
									if _, err := c.ListInstances(b.Context()); err != nil {
										b.Error(err)
									}
									sent.Add(1)
								})
							}
						}
						wait.Wait()
					}
					all(1)
					time.Sleep(time.Second) // places for a burst
					start := time.Now()
					all(20)
					burst := time.Since(start)
					sent.Store(0)
					for b.Loop() {
						all(20)
					}
					b.ReportMetric(float64(burst.Milliseconds()), "burst-ms")
					b.ReportMetric(float64(sent.Load())/b.Elapsed().Seconds(), "requests/s")
				})
			}
		}
	}
}
