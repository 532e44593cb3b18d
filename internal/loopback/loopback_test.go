package loopback_test

import (
	"testing"

	"dcs_session_exporter/internal/loopback"
)

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "127.0.0.1.example": false, "10.0.0.1": false, "::": false, "[::1]": false, "localhost:80": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: got %t, want %t", host, got, want)
		}
	}
}
