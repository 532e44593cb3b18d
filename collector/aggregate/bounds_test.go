package aggregate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// TestTooManyValues adds up sessions of which none is like another, after some
// that a busy node may have: those keep their places, and sums are conserved.
func TestTooManyValues(t *testing.T) {
	const usual, odd = 2000, 100_000
	o := testOptions()
	agg := aggregate.New(&o, asIs)
	for i := range usual + odd {
		s := dcsapi.Session{ID: fmt.Sprint(i), Addr: fmt.Sprintf("10.0.0.1:%d", i), User: "orders", Cmd: "get", DB: "0", Name: "app", Network: "vpc", Age: 5, OMem: 1, Present: allNumbers}
		if i >= usual {
			s.Addr, s.User = fmt.Sprintf("198.19.%d.%d:1", i/250%250, i%250)+strings.Repeat("0", i/62_500), fmt.Sprint("u", i)
			s.Cmd, s.DB, s.Name, s.Network = s.User, s.User, s.User, s.User
		}
		agg.Add(&s)
	}
	got := agg.Snapshot(nil, time.Time{})
	if got.Sessions != usual+odd || got.OutputMemory.Total != usual+odd || got.Masked != odd {
		t.Errorf("got %d sessions, %d bytes, %d masked", got.Sessions, got.OutputMemory.Total, got.Masked)
	}
	users, ages := int64(0), uint64(0)
	for _, u := range got.Users {
		users += u.Sessions
		ages += u.Age.Count
		if u.User == "orders" && u.Sessions != usual {
			t.Errorf("orders has %d sessions", u.Sessions)
		}
	}
	clients, bytes, own := int64(0), int64(0), int64(0)
	for _, c := range got.Clients {
		clients += c.Sessions
		bytes += c.OutputMemory.Total
		if c.User == "orders" && c.Address == "10.0.0.1" {
			own = c.Sessions
		}
	}
	if users != usual+odd || ages != usual+odd || clients != usual+odd || bytes != usual+odd || own != usual {
		t.Errorf("sums: users %d, ages %d, clients %d, bytes %d; the usual client has %d", users, ages, clients, bytes, own)
	}
	for name, counts := range map[string][]aggregate.ValueCount{"get": got.Commands, "0": got.Databases, "app": got.Names, "vpc": got.Networks} {
		sum, own := int64(0), int64(0)
		for _, c := range counts {
			sum += c.Sessions
			if c.Value == name {
				own = c.Sessions
			}
		}
		if sum != usual+odd || own != usual {
			t.Errorf("%s: %d of %d sessions, want %d of %d", name, own, sum, usual, usual+odd)
		}
	}
	for dimension, folded := range got.Folded {
		if folded < 900 || folded > 20_000 {
			t.Errorf("%s: %d values are told apart and folded", dimension, folded)
		}
	}
	if got.Addresses != 20_000 {
		t.Errorf("%d addresses, want as many as are told apart", got.Addresses)
	}
}
