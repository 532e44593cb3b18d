package nearest_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/nearest"
)

func TestWord(t *testing.T) {
	known := []string{"prod-orders-ha", "prod-orders-hb", "dev-single", "id", "idle"}
	for word, want := range map[string]string{
		"prod-order-ha": "prod-orders-ha", "PROD-ORDERS-HA": "prod-orders-ha", "prod-orders-hx": "prod-orders-ha",
		"dev-singel": "dev-single", "payments": "", "": "", "xy": "", "ids": "id", "idel": "idle",
	} {
		if got := nearest.Word(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := nearest.Word(strings.Repeat("x", 1<<20), []string{strings.Repeat("x", 1<<20-1)}); got != "" {
		t.Errorf("a long word got one of %d bytes", len(got))
	}
	if got := nearest.Word("x", nil); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}} {
		if got := nearest.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
