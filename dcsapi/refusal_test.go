package dcsapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// brokenBodies are ways not to send the body of an answer.
var brokenBodies = map[string]func(w http.ResponseWriter, r *http.Request, status int, body string){
	"too short": func(w http.ResponseWriter, _ *http.Request, status int, body string) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+10))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	},
	"a bad chunk": func(w http.ResponseWriter, _ *http.Request, status int, body string) {
		conn, to, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(to, "HTTP/1.1 %d X\r\nRetry-After: 100\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nzz\r\n", status, len(body), body)
		_ = to.Flush()
	},
	"no gzip": func(w http.ResponseWriter, _ *http.Request, status int, body string) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	},
	"gzip that breaks off": func(w http.ResponseWriter, _ *http.Request, status int, body string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()[:b.Len()-6])
	},
	"over 16 MiB": func(w http.ResponseWriter, r *http.Request, status int, body string) {
		w.Header().Set("Content-Length", strconv.Itoa(17<<20))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte{' '}, 64<<10)); err != nil {
				return
			}
		}
	},
	"hanging": func(w http.ResponseWriter, r *http.Request, status int, body string) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	},
}

// TestRefusalWithBrokenBody checks that a refusal counts by its status line,
// whatever becomes of its body: it costs as many requests as one that is whole.
func TestRefusalWithBrokenBody(t *testing.T) {
	for _, tt := range []struct {
		status  int
		reason  dcsapi.Reason
		holdoff bool
	}{
		{http.StatusUnauthorized, dcsapi.ReasonAuth, true},
		{http.StatusForbidden, dcsapi.ReasonForbidden, false},
		{http.StatusProxyAuthRequired, dcsapi.ReasonNetwork, false},
		{http.StatusTooManyRequests, dcsapi.ReasonThrottled, true},
	} {
		for name, send := range brokenBodies {
			t.Run(fmt.Sprintf("%d %s", tt.status, name), func(t *testing.T) {
				t.Parallel()
				var n atomic.Int64
				c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					n.Add(1)
					w.Header().Set("Retry-After", "100")
					send(w, r, tt.status, `{"error_code":"X.1","error_msg":"words","more":"`)
				}), nil)
				calls := 2
				for range calls {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					start := time.Now()
					_, err := c.ListInstances(ctx)
					cancel()
					if dcsapi.ReasonOf(err) != tt.reason || time.Since(start) > 5*time.Second {
						t.Errorf("after %s: %v", time.Since(start), err)
					}
				}
				want := calls
				if tt.holdoff {
					want = 1
				}
				if got := int(n.Load()); got != want {
					t.Errorf("%d requests, want %d", got, want)
				}
				if tt.holdoff != (c.HoldOffRemaining() > 0) {
					t.Errorf("held off for %s", c.HoldOffRemaining())
				}
			})
		}
	}
}

// TestRefusalCountsAtItsStatusLine checks that a refusal holds the key, and
// throttling the project, while the body of the answer is still awaited.
func TestRefusalCountsAtItsStatusLine(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			var n atomic.Int64
			var refuse atomic.Bool
			c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !refuse.Load() {
					_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
					return
				}
				n.Add(1)
				w.Header().Set("Retry-After", "100")
				brokenBodies["hanging"](w, r, status, "")
			}), nil)
			if _, err := c.ListInstances(t.Context()); err != nil {
				t.Fatal(err)
			}
			refuse.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var wait sync.WaitGroup
			wait.Go(func() { _, _ = c.ListInstances(ctx) })
			for start := time.Now(); c.HoldOffRemaining() == 0 && time.Since(start) < 5*time.Second; {
				time.Sleep(time.Millisecond)
			}
			start := time.Now()
			if _, err := c.ListInstances(ctx); err == nil || time.Since(start) > 500*time.Millisecond {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			wait.Wait()
			if n.Load() != 1 {
				t.Errorf("%d requests, want 1", n.Load())
			}
		})
	}
}

// TestPartOfAFailure checks what is repeated of an answer that is not whole: the
// fields that are, and the code before the status; and that a status line that
// is one of a refusal does not hold the key if the code says otherwise.
func TestPartOfAFailure(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		reason     dcsapi.Reason
		says       string
	}{
		{"a code, and half a message", `{"error_code":"DCS.4957","request_id":"r1","error_msg":"ha`, 400, dcsapi.ReasonBusy, "HTTP 400 DCS.4957 (request id r1)"},
		{"half a message alone", `{"error_msg":"no such insta`, 404, dcsapi.ReasonNotFound, `HTTP 404: response is not JSON: {"error_msg":"no such insta`},
		{"half a message of IAM", `{"error":{"message":"no such us`, 404, dcsapi.ReasonNotFound, `HTTP 404: response is not JSON: {"error":{"message":"no such us`},
		{"large", `{"error_code":"DCS.2003","error_msg":"no","error_ext_msg":"` + strings.Repeat("x", 100_000), 400, dcsapi.ReasonForbidden, "HTTP 400 DCS.2003: no"},
		{"of another gateway", `{"Message":"blocked","More":"x`, 403, dcsapi.ReasonForbidden, "HTTP 403: blocked"},
		{"no JSON", `<b>no</b>`, 404, dcsapi.ReasonNotFound, "HTTP 404: response is not JSON: no"},
		{"nothing", "", 404, dcsapi.ReasonNotFound, "HTTP 404: the response ended before it was complete"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				brokenBodies["too short"](w, r, tt.status, tt.body)
			}), nil)
			_, err := c.ListInstances(t.Context())
			if dcsapi.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %s", err, tt.says)
			}
		})
	}
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error_code":"DCS.2003"}`))
	}), nil)
	if _, err := c.ListInstances(t.Context()); dcsapi.ReasonOf(err) != dcsapi.ReasonForbidden || c.HoldOffRemaining() != 0 {
		t.Errorf("held off for %s: %v", c.HoldOffRemaining(), err)
	}
}
