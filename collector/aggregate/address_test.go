package aggregate_test

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// addressOf returns the client address and the number of masked sessions that
// a list of one session amounts to.
func addressOf(o aggregate.AddressOptions, s dcsapi.Session) (string, int64) {
	options := testOptions()
	options.Address = o
	agg := aggregate.New(&options, asIs)
	agg.Add(&s)
	snapshot := agg.Snapshot(nil, time.Time{})
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
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1", 0},
		{"2001:db8:1:2:3:4:5:6:40000", "2001:db8:1:2:3:4:5:6", 0}, // nine groups
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", 0},
		{"2001:db8::1:40000", "2001:db8::1", 0}, // no group has five digits
		{"[fe80::1%eth0]:1", "fe80::1%eth0", 0},
		{"fe80::1%eth0", "fe80::1%eth0", 0},
		{"fe80::1%eth0:6379", "fe80::1%eth0", 0},
		{"[::ffff:10.0.0.1]:4", "10.0.0.1", 0},
		{"[::ffff:a00:1]:4", "10.0.0.1", 0},
		{"::ffff:10.0.0.1", "10.0.0.1", 0},
		{"::ffff:10.0.0.1:6379", "10.0.0.1", 0},
		{"[::ffff:198.19.131.14]:1637", "198.19.131.14", 1},
		{"[::ffff:c613:830e]:1637", "198.19.131.14", 1},
		{"::ffff:198.19.131.14", "198.19.131.14", 1},
		{"[::ffff:198.18.0.1]:1637", "198.18.0.1", 0},
		{"::1", "::1", 0},
		{"::1:6379", "::1:6379", 0}, // an IPv6 address: the port cannot be told apart
		{"2001:db8::1:6379", "2001:db8::1:6379", 0},
		{"[::1]:port", "[::1]:port", 0},
		{"[::1", "[::1", 0},
		{"/run/redis.sock:0", "/run/redis.sock:0", 0},
		{"/run/my redis.sock:0", "/run/my redis.sock:0", 0},
		{"host.example:6379", "host.example", 0},
		{"host.example", "host.example", 0},
		{"[host.example]:6379", "[host.example]", 0},
		{"1:2:3:4:5:6:7:8:9:40000", "1:2:3:4:5:6:7:8", 0},
		{"a:b:40000", "a:b", 0},
		{"a:1:40000", "a", 0},
		{"?:0", "?", 0},
		{":40000", "", 0},
		{"10.0.0.256:1", "10.0.0.256", 0},
		{"10.0.0.1:", "10.0.0.1:", 0},
		{"10.0.0.1:6379999", "10.0.0.1:6379999", 0},
		{strings.Repeat("a", 254) + ":40000", strings.Repeat("a", 254), 0},
		{strings.Repeat("a", 300) + ":40000", strings.Repeat("a", 256), 0},
		{strings.Repeat("a", 254) + ":1" + strings.Repeat("a", 50), strings.Repeat("a", 254), 0},
		{"", "", 0},
		{"\xff:1", "\uFFFD", 0},
	}
	for _, tt := range tests {
		got, masked := addressOf(aggregate.AddressOptions{}, dcsapi.Session{Addr: tt.addr, Peer: "192.0.2.1:1"})
		if got != tt.want || masked != tt.masked {
			t.Errorf("addr %q: got %q, masked %d; want %q, masked %d", tt.addr, got, masked, tt.want, tt.masked)
		}
	}
}

func TestClientAddressWithPort(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:6379":              "10.0.0.1:6379",
		"10.0.0.1":                   "10.0.0.1",
		"[10.0.0.1]:4":               "10.0.0.1:4",
		"[::ffff:10.0.0.1]:4":        "10.0.0.1:4",
		"[::ffff:a00:1]:4":           "10.0.0.1:4",
		"[2001:db8::1]:6379":         "[2001:db8::1]:6379",
		"[2001:db8::1]":              "2001:db8::1",
		"2001:db8:1:2:3:4:5:6:40000": "[2001:db8:1:2:3:4:5:6]:40000",
		"::1:6379":                   "::1:6379",
		"host.example:6379":          "host.example:6379",
		"/run/redis.sock:0":          "/run/redis.sock:0",
		"a:1:40000":                  "a:1:40000",
	} {
		if got, _ := addressOf(aggregate.AddressOptions{IncludePort: true}, dcsapi.Session{Addr: addr}); got != want {
			t.Errorf("addr %q: got %q, want %q", addr, got, want)
		}
	}
}

func TestClientAddressOptions(t *testing.T) {
	s := dcsapi.Session{Addr: "198.19.0.7:1637", Peer: "10.9.8.7:4058"}
	tests := []struct {
		name    string
		options aggregate.AddressOptions
		want    string
		masked  int64
	}{
		{"default", aggregate.AddressOptions{}, "198.19.0.7", 1},
		{"addr with port", aggregate.AddressOptions{Source: aggregate.SourceAddr, IncludePort: true}, "198.19.0.7:1637", 1},
		{"peer", aggregate.AddressOptions{Source: aggregate.SourcePeer}, "10.9.8.7", 0},
		{"peer with port", aggregate.AddressOptions{Source: aggregate.SourcePeer, IncludePort: true}, "10.9.8.7:4058", 0},
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

// portAtEnd is what a label ends with if a port was left in it.
var portAtEnd = regexp.MustCompile(`:[0-9]{1,5}$`)

// asItIs reports whether an address is one of those that stay as they are: the
// path of a Unix socket, and what breaks off within brackets.
func asItIs(addr string) bool {
	return strings.HasPrefix(addr, "/") || (strings.HasPrefix(addr, "[") && !strings.Contains(addr, "]"))
}

// FuzzClientAddress checks that whatever an address and a port are, the label
// is the same for all ports, has none of them unless that is asked for, is fit
// for a label, and is the label of itself.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"10.0.0.1", "[::1]", "::1", "/tmp/s:0", "", "]:[", "198.19.0.0", "::ffff:198.19.0.1", "[::ffff:c613:1]", "fe80::1%eth0", "[fe80::1%a:1]",
		"2001:db8:1:2:3:4:5:6", "host.example", "a:1:2", "\xff", strings.Repeat("\xff:1", 100), strings.Repeat("é", 127) + ":1\xff",
	} {
		f.Add(seed, uint16(40000))
	}
	f.Fuzz(func(t *testing.T, addr string, number uint16) {
		port := fmt.Sprintf(":%d", number)
		for _, addr := range []string{addr, addr + port, "[" + addr + "]" + port} {
			label, masked := addressOf(aggregate.AddressOptions{}, dcsapi.Session{Addr: addr})
			full, maskedFull := addressOf(aggregate.AddressOptions{IncludePort: true}, dcsapi.Session{Addr: addr})
			if masked != maskedFull {
				t.Errorf("%q: masked %d without, %d with the port", addr, masked, maskedFull)
			}
			if masked > 0 && !strings.HasPrefix(label, "198.19.") {
				t.Errorf("%q: %q is masked", addr, label)
			}
			for _, l := range []string{label, full} {
				if !utf8.ValidString(l) || len(l) > 256 {
					t.Errorf("%q: %q is not fit for a label", addr, l)
				}
			}
			if _, err := netip.ParseAddr(label); err != nil && portAtEnd.MatchString(label) && !asItIs(label) {
				t.Errorf("%q: the label %q has a port", addr, label)
			}
			if again, maskedAgain := addressOf(aggregate.AddressOptions{}, dcsapi.Session{Addr: label}); again != label || maskedAgain != masked {
				t.Errorf("%q: the label %q has itself the label %q", addr, label, again)
			}
		}
		// Side by side, in one list, where what was seen before is used again.
		options := testOptions()
		agg := aggregate.New(&options, asIs)
		alone := make(map[string]bool)
		for _, addr := range []string{addr, addr + port, addr + ":1", addr, addr + ":1:2", "[" + addr + "]:1", addr + port} {
			agg.Add(&dcsapi.Session{Addr: addr})
			label, _ := addressOf(aggregate.AddressOptions{}, dcsapi.Session{Addr: addr})
			alone[label] = true
		}
		for _, c := range agg.Snapshot(nil, time.Time{}).Clients {
			if !alone[c.Address] {
				t.Errorf("%q: together with others the label is %q, alone one of %q", addr, c.Address, slices.Collect(maps.Keys(alone)))
			}
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
		agg := aggregate.New(&options, asIs)
		agg.Add(&dcsapi.Session{Flags: flags})
		letters := make(map[byte]bool)
		for _, c := range []byte(flags) {
			if !strings.ContainsRune("NMSOPxbdcAuUrtRBeT", rune(c)) {
				c = '?' // all unknown ones are one flag
			}
			letters[c] = true
		}
		total := int64(0)
		for _, n := range agg.Snapshot(nil, time.Time{}).ByFlag() {
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
		"[::ffff:10.0.0.1]:7", "::ffff:10.0.0.1", "[10.0.0.1]:3", "2001:db8:1:2:3:4:5:6:7", "2001:db8:1:2:3:4:5:6", "fe80::1%a:1", "fe80::1%a:2", "/s:0", "/s", "/s:1",
		"[2001:db8::1]:5", "2001:db8::1", "2001:db8::1:80", "[2001:db8::1]", "10.0.0.1:x", "10.0.0.1:", ":1", "", "\xff:1", "\uFFFD",
	}
	options := testOptions()
	agg := aggregate.New(&options, asIs)
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
	snapshot := agg.Snapshot(nil, time.Time{})
	got := make(map[[2]string]int64)
	for _, c := range snapshot.Clients {
		got[[2]string{c.User, c.Address}] = c.OutputMemory.Total
	}
	if !maps.Equal(got, want) || snapshot.Masked != wantMasked {
		t.Errorf("got %v, %d masked\nwant %v, %d masked", got, snapshot.Masked, want, wantMasked)
	}
}
