package collector_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/emulator"
)

// TestNothingIsKnownYet checks what is said of an instance while the API answers
// nothing at first: neither a bare error of the context, nor that the rate limit
// leaves no time.
func TestNothingIsKnownYet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		within time.Duration
		want   string
	}{
		"deadline":            {time.Second, `reason=timeout err="list nodes of instance instance-1: no response before the deadline"`},
		"caller disconnected": {time.Minute, `reason=timeout first="list nodes of instance instance-1: the scrape was cancelled: the caller disconnected"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, setup{instances: []emulator.Instance{instanceOf("instance-1", 5)}, faults: []emulator.Fault{{Hang: true}}})
			ctx, cancel := context.WithTimeout(t.Context(), tt.within)
			defer cancel()
			if name == "caller disconnected" {
				time.AfterFunc(300*time.Millisecond, cancel)
			}
			_, _ = h.collector.Scrape(ctx).Gather()
			if lines := h.logs.take(); !strings.Contains(lines, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, lines)
			}
		})
	}
}
