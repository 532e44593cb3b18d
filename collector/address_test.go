package collector_test

import (
	"maps"
	"strings"
	"testing"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
)

// addressOf returns the client address and the number of masked sessions that
// a list of one session amounts to.
func addressOf(o collector.AddressOptions, s dcsapi.Session) (string, int64) {
	options := testOptions()
	options.Address = o
	agg := collector.NewAggregator(&options)
	agg.Add(&s)
	snapshot := agg.Snapshot()
	return snapshot.Clients[0].Address, snapshot.Masked
}

func TestClientAddress(t *testing.T) {
	tests := []struct {
		addr   string
		want   string
		masked int64
	}{
		{"10.0.0.1:6379", "10.0.0.1", 0},
		{"10.0.0.1", "10.0.0.1", 0},
		{"198.19.131.14:1637", "198.19.131.14", 1},
		{"198.18.255.255:1", "198.18.255.255", 0},
		{"198.20.0.1:1", "198.20.0.1", 0},
		{"[2001:db8::1]:6379", "2001:db8::1", 0},
		{"[2001:db8::1]", "2001:db8::1", 0},
		{"[fe80::1%eth0]:1", "fe80::1%eth0", 0},
		{"::1", "::1", 0},
		{"2001:db8::1:6379", "2001:db8::1:6379", 0}, // no brackets: the port cannot be told apart
		{"[::1]:port", "[::1]:port", 0},
		{"[::1", "[::1", 0},
		{"/run/redis.sock:0", "/run/redis.sock:0", 0},
		{"app-1.example:6379", "app-1.example:6379", 0},
		{"10.0.0.256:1", "10.0.0.256:1", 0},
		{"10.0.0.1:", "10.0.0.1:", 0},
		{"10.0.0.1:6379999", "10.0.0.1:6379999", 0},
		{"", "", 0},
		{"\xff:1", "\uFFFD:1", 0},
	}
	for _, tt := range tests {
		got, masked := addressOf(collector.AddressOptions{}, dcsapi.Session{Addr: tt.addr, Peer: "192.0.2.1:1"})
		if got != tt.want || masked != tt.masked {
			t.Errorf("addr %q: got %q, masked %d; want %q, masked %d", tt.addr, got, masked, tt.want, tt.masked)
		}
	}
}

func TestClientAddressOptions(t *testing.T) {
	s := dcsapi.Session{Addr: "198.19.0.7:1637", Peer: "10.9.8.7:4058"}
	tests := []struct {
		name    string
		options collector.AddressOptions
		want    string
		masked  int64
	}{
		{"default", collector.AddressOptions{}, "198.19.0.7", 1},
		{"addr with port", collector.AddressOptions{Source: collector.SourceAddr, IncludePort: true}, "198.19.0.7:1637", 1},
		{"peer", collector.AddressOptions{Source: collector.SourcePeer}, "10.9.8.7", 0},
		{"peer with port", collector.AddressOptions{Source: collector.SourcePeer, IncludePort: true}, "10.9.8.7:4058", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, masked := addressOf(tt.options, s)
			if got != tt.want || masked != tt.masked {
				t.Errorf("got %q, masked %d; want %q, masked %d", got, masked, tt.want, tt.masked)
			}
		})
	}
}

// FuzzClientAddress checks that whatever an address is, one without a port is
// a part of it, and it stays one value.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{"10.0.0.1:1", "[::1]:1", "/tmp/s:0", "", "]:[", "198.19.0.0:65535"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		plain, maskedPlain := addressOf(collector.AddressOptions{}, dcsapi.Session{Addr: addr})
		full, maskedFull := addressOf(collector.AddressOptions{IncludePort: true}, dcsapi.Session{Addr: addr})
		if maskedPlain != maskedFull {
			t.Errorf("masked %d without, %d with the port", maskedPlain, maskedFull)
		}
		if len(plain) > len(full) {
			t.Errorf("%q is longer than %q", plain, full)
		}
		again, _ := addressOf(collector.AddressOptions{}, dcsapi.Session{Addr: plain})
		if again != plain && plain != full {
			t.Errorf("the address %q of %q has itself the address %q", plain, addr, again)
		}
	})
}

// FuzzFlags checks that a session counts under each flag that it has once, and
// under no other.
func FuzzFlags(f *testing.F) {
	for _, seed := range []string{"N", "xb", "PPP", "", "Ö", "MSOPxbdcAuUrtRBeTN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, flags string) {
		options := testOptions()
		agg := collector.NewAggregator(&options)
		agg.Add(&dcsapi.Session{Flags: flags})
		letters := make(map[byte]bool)
		for _, c := range []byte(flags) {
			if !strings.ContainsRune("NMSOPxbdcAuUrtRBeT", rune(c)) {
				c = '?' // all unknown ones are one flag
			}
			letters[c] = true
		}
		total := int64(0)
		for _, n := range agg.Snapshot().Flags {
			if n < 0 || n > 1 {
				t.Errorf("a flag counts %d times for one session", n)
			}
			total += n
		}
		if total != int64(len(letters)) {
			t.Errorf("flags %q count %d times, want %d", flags, total, len(letters))
		}
	})
}

// TestClientAddressesTogether checks that an address means the same whatever
// came before it.
func TestClientAddressesTogether(t *testing.T) {
	all := []string{
		"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1", "198.19.0.1", "198.19.0.1:5", "198.19.0.1:6", "app", "app:1", "app:2",
		"[2001:db8::1]:5", "2001:db8::1", "2001:db8::1:80", "[2001:db8::1]", "10.0.0.1:x", "10.0.0.1:", ":1", "", "\xff:1", "\uFFFD",
	}
	options := testOptions()
	agg := collector.NewAggregator(&options)
	want, wantMasked := make(map[[2]string]int64), int64(0)
	for range 2 {
		for i, addr := range all {
			for _, user := range []string{"a", "b", "a"} {
				s := dcsapi.Session{Addr: addr, User: user}
				address, masked := addressOf(options.Address, s)
				want[[2]string{user, address}] += int64(i)
				wantMasked += masked
				s.OMem, s.Present = int64(i), dcsapi.HasOMem
				agg.Add(&s)
			}
		}
	}
	snapshot := agg.Snapshot()
	got := make(map[[2]string]int64)
	for _, c := range snapshot.Clients {
		got[[2]string{c.User, c.Address}] = c.OutputMemory.Total
	}
	if !maps.Equal(got, want) || snapshot.Masked != wantMasked {
		t.Errorf("got %v, %d masked\nwant %v, %d masked", got, snapshot.Masked, want, wantMasked)
	}
}
