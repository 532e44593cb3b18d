package dcsapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestHangingProbeIsCancelled checks that requests that hang before the key was
// accepted do not keep it from being tried again when the API has recovered.
func TestHangingProbeIsCancelled(t *testing.T) {
	var hang atomic.Bool
	hang.Store(true)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hang.Load() {
			select {
			case <-r.Context().Done():
			case <-ended:
			}
			return
		}
		_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
	}))
	defer server.Close()
	defer close(ended)
	client := New(Options{
		Endpoint: server.URL, ProjectID: "p", Keys: NewConfiguredKey(Secret{Value: "A"}, Secret{Value: "S"}, Secret{}), RequestsPerSecond: 1000,
		Keyring: &Keyring{probeTimeout: 200 * time.Millisecond},
	})
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for range 3 {
		go func() { _, _ = client.ListInstances(ctx) }()
	}
	for client.InFlight() == 0 {
		time.Sleep(time.Millisecond)
	}
	hang.Store(false)
	soon, cancelSoon := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancelSoon()
	if _, err := client.ListInstances(soon); err != nil {
		t.Errorf("after the API has recovered: %v", err)
	}
}
