package dcsapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// agency is a metadata service in the place of http.DefaultTransport. Its key
// number n has n in all its parts.
type agency struct {
	life time.Duration // of each key
	made func(n int)   // called with each new key's number, if set

	mu      sync.Mutex
	keys    int
	asked   int
	failing bool
	hanging chan struct{} // requests wait until it is closed, nil for not
}

// RoundTrip implements http.RoundTripper.
func (a *agency) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		return answerTo(r, http.StatusNotFound, ""), nil
	}
	a.mu.Lock()
	a.asked++
	failing, hanging := a.failing, a.hanging
	a.mu.Unlock()
	if hanging != nil {
		select {
		case <-hanging:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if failing {
		return answerTo(r, http.StatusInternalServerError, "SECRET"), nil
	}
	a.mu.Lock()
	a.keys++
	n := a.keys
	a.mu.Unlock()
	if a.made != nil {
		a.made(n)
	}
	return answerTo(r, http.StatusOK, fmt.Sprintf(`{"credential":{"access":"AK%d","secret":"SK%d","securitytoken":"T%d","expires_at":%q}}`,
		n, n, n, time.Now().Add(a.life).UTC().Format(time.RFC3339))), nil
}

func answerTo(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r, Header: http.Header{}}
}

func (a *agency) change(f func(*agency)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

func (a *agency) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// newAgencyChain returns a chain whose only source is an agency, and the news
// of it.
func newAgencyChain(t *testing.T, a *agency) (*defaultChain, func() []KeyEvent) {
	t.Helper()
	before := http.DefaultTransport
	http.DefaultTransport = a
	c := NewDefaultChain("", nil).(*defaultChain)
	t.Cleanup(func() {
		c.mu.Lock()
		done := c.loading
		c.mu.Unlock()
		if done != nil {
			<-done
		}
		http.DefaultTransport = before
	})
	c.sources = slices.DeleteFunc(c.sources, func(s source) bool { return !strings.HasPrefix(s.name, "agency of the machine") })
	var mu sync.Mutex
	var all []KeyEvent
	c.reportTo(func(n KeyEvent) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, n)
	})
	return c, func() []KeyEvent {
		mu.Lock()
		defer mu.Unlock()
		out := all
		all = nil
		return out
	}
}

// wantNumber checks that the key in use is the agency's n-th, and that nobody
// waits for it.
func wantNumber(t *testing.T, c *defaultChain, n int) {
	t.Helper()
	start := time.Now()
	key, err := c.Key(t.Context())
	if want := fmt.Sprintf("AK%d", n); err != nil || key.AccessKey != want || key.SecurityToken != fmt.Sprintf("T%d", n) {
		t.Errorf("got %s, %v; want %s", key.AccessKey, err, want)
	}
	if took := time.Since(start); took != 0 {
		t.Errorf("the key was waited for, %s long", took)
	}
}
