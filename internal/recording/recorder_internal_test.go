package recording

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailures checks how requests are kept that got no complete answer.
func TestFailures(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v2/reset":
			panic(http.ErrAbortHandler)
		case "/v2/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"name":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/v2/late":
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, `{}`)
		}
	}))
	defer server.Close()
	var r Recorder
	client := http.Client{Transport: r.Transport(new(http.Transport))}
	defer client.CloseIdleConnections()
	get := func(ctx context.Context, path string, read bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		if read {
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		_ = resp.Body.Close()
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	stopped, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	get(t.Context(), "/v2/reset", true)
	get(t.Context(), "/v2/cut", true)
	get(short, "/v2/late", true)
	get(stopped, "/v2/late", true)
	get(t.Context(), "/v2/good", true)
	recorded, _, err := r.Recording(Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range recorded.Exchanges {
		status := 0
		if x.Response != nil {
			status = x.Response.Status
		}
		got = append(got, x.Failure+" "+http.StatusText(status))
	}
	if want := "network |cut OK|timeout | OK"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "|"), want)
	}
}

// TestNothingRecorded checks that a recording without an answer is refused.
func TestNothingRecorded(t *testing.T) {
	var r Recorder
	refused := exchangeFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	send(t, &r, refused, http.MethodGet, "http://x/v2/p/instances", "", nil)
	if _, _, err := r.Recording(Manifest{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v", err)
	}
}

// TestTooLarge checks that memory is bounded.
func TestTooLarge(t *testing.T) {
	r := Recorder{size: maxRecorded - 10}
	for range 2 {
		send(t, &r, answering(http.StatusOK, `{"count":1}`, nil), http.MethodGet, "http://x/v2/p/instances", "", nil)
	}
	if len(r.exchanges[1].received) != 0 {
		t.Error("it keeps more than it may")
	}
	if _, _, err := r.Recording(Manifest{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestReuse checks which requests are sent again once answers are reused.
func TestReuse(t *testing.T) {
	var r Recorder
	sent := 0
	next := exchangeFunc(func(req *http.Request) (*http.Response, error) {
		sent++
		return answering(http.StatusOK, `{}`, nil)(req)
	})
	ask := func(method, path string) {
		send(t, &r, next, method, "http://x"+path, "", nil)
	}
	ask(http.MethodGet, "/v2/p/instances?limit=1000")
	ask(http.MethodGet, "/v2/p/instances/i/clients?limit=1")
	r.Reuse()
	for _, tt := range []struct {
		method, path string
		again        bool
	}{
		{http.MethodGet, "/v2/p/instances?limit=1000", false},
		{http.MethodGet, "/v2/p/instances?limit=10", true},
		{http.MethodGet, "/v2/p/instances/i/clients?limit=1", true},
		{http.MethodPost, "/v2/p/instances?limit=1000", true},
	} {
		before := sent
		ask(tt.method, tt.path)
		if again := sent > before; again != tt.again {
			t.Errorf("%s %s is sent: %t", tt.method, tt.path, again)
		}
	}
}

// TestQuiet checks for how long a recorder says that nothing was sent.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Recorder
		next := exchangeFunc(func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if got := r.Quiet(); got != 0 {
				t.Errorf("during a request: %v", got)
			}
			return answering(http.StatusOK, `{}`, nil)(req)
		})
		send(t, &r, next, http.MethodGet, "http://x/v2/p/instances", "", nil)
		time.Sleep(3 * time.Second)
		if got := r.Quiet(); got != 3*time.Second {
			t.Errorf("3 s after a request: %v", got)
		}
	})
}
