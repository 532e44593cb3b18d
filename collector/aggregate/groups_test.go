package aggregate_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// checkoutRules has a rule for each kind of condition.
func checkoutRules() []aggregate.GroupRule {
	return []aggregate.GroupRule{
		{Group: "checkout", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("2001:db8::/32")}, Users: []string{"orders", "payments"}},
		{Group: "workers", Names: regexp.MustCompile(`^worker-`)},
		{Group: "shop", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		{Group: "checkout", Users: []string{"cron"}},
	}
}

// TestGroups checks which rule decides on a session: the first of which every
// condition holds.
func TestGroups(t *testing.T) {
	g := aggregate.NewGroups(checkoutRules())
	if got, want := fmt.Sprint(g.Names()), "[checkout workers shop ungrouped]"; got != want {
		t.Errorf("groups: got %s, want %s", got, want)
	}
	for _, tt := range []struct{ address, user, name, want string }{
		{"10.20.3.4:1", "orders", "", "checkout"},
		{"10.20.3.4:1", "orders", "worker-1", "checkout"},
		{"[2001:db8::7]:1", "payments", "", "checkout"},
		{"2001:db8::7", "payments", "", "checkout"},
		{"::ffff:10.20.3.4", "orders", "", "checkout"},
		{"10.20.3.4:1", "web", "worker-1", "workers"},
		{"10.20.3.4:1", "web", "my worker-1", "shop"},
		{"10.99.3.4:1", "orders", "", "shop"},
		{"192.168.0.1:1", "orders", "", "ungrouped"},
		{"192.168.0.1:1", "cron", "", "checkout"},
		{"/var/run/redis.sock:0", "orders", "", "ungrouped"},
		{"some.host:1", "web", "worker-", "workers"},
		{"", "", "", "ungrouped"},
	} {
		if got := g.Of(tt.address, tt.user, tt.name); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
	if aggregate.NewGroups(nil) != nil {
		t.Error("groups without rules")
	}
}

// groupSessions are sessions that differ in what groups depend on.
func groupSessions() []dcsapi.Session {
	var sessions []dcsapi.Session
	for i := range 3000 {
		sessions = append(sessions, dcsapi.Session{
			Addr: fmt.Sprintf("%d.%d.%d.%d:%d", []int{10, 10, 192}[i%3], []int{20, 99}[i%2], i%7, i%50, 1000+i), User: []string{"orders", "web", "cron", ""}[i%4],
			Name: []string{"", "worker-1", "x", "worker-2", "y"}[i%5], Idle: int64(i), QBuf: 1, OMem: int64(i), Flags: "N", Present: allNumbers,
		})
	}
	return sessions
}

// TestGroupTotals compares the totals with those of a plain loop, whatever the label
// client_address holds, and checks that sums are conserved within limits.
func TestGroupTotals(t *testing.T) {
	g := aggregate.NewGroups(checkoutRules())
	for name, change := range map[string]func(*aggregate.Options){
		"hosts":               func(*aggregate.Options) {},
		"ports":               func(o *aggregate.Options) { o.Address.IncludePort = true },
		"networks":            func(o *aggregate.Options) { o.Address.IPv4Bits = 16 },
		"many users":          func(o *aggregate.Options) { o.Limits.Users = 1 },
		"more than are known": func(o *aggregate.Options) { o.Address.IncludePort = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			o.Groups, o.Limits.Groups = g, 10
			change(&o)
			sessions := groupSessions()
			if name == "more than are known" {
				for i := range sessions {
					sessions[i].Name += strings.Repeat("n", i%9)
				}
			}
			want := make(map[string]aggregate.GroupStats)
			for _, s := range sessions {
				group := g.Of(s.Addr, s.User, s.Name)
				w := want[group]
				w.Group = group
				w.Sessions++
				w.OutputMemory.Total += s.OMem
				w.QueryBuffer.Total += s.QBuf
				if s.Idle > 3600 {
					w.IdleLong.Total++
				}
				want[group] = w
			}
			got := addUp(o, sessions...)
			if len(got.Groups) != len(want) {
				t.Errorf("%d groups, want %d", len(got.Groups), len(want))
			}
			for _, s := range got.Groups {
				if w := want[s.Group]; s.Sessions != w.Sessions || s.OutputMemory.Total != w.OutputMemory.Total || s.QueryBuffer.Total != w.QueryBuffer.Total || s.IdleLong.Total != w.IdleLong.Total {
					t.Errorf("got %+v, want %+v", s, w)
				}
			}
			for limit := range 4 {
				o.Limits.Groups = limit
				s := addUp(o, sessions...)
				var sum int64
				for _, group := range s.Groups {
					sum += group.Sessions
				}
				if limit > 0 && (sum != s.Sessions || len(s.Groups) > limit+2 || s.Folded[aggregate.ClientGroups] != max(0, 3-limit)) {
					t.Errorf("limit %d: %d of %d sessions in %+v, %d folded", limit, sum, s.Sessions, s.Groups, s.Folded[aggregate.ClientGroups])
				}
				if limit == 0 && s.Groups != nil {
					t.Errorf("limit 0: %+v", s.Groups)
				}
			}
		})
	}
	o := testOptions()
	o.Groups, o.Limits.Groups = g, 10
	if s := addUp(o); len(s.Groups) != 1 || s.Groups[0].Group != aggregate.Ungrouped {
		t.Errorf("without sessions: %+v", s.Groups)
	}
}

// TestNetworks checks which addresses become networks.
func TestNetworks(t *testing.T) {
	o := testOptions()
	o.Address.IPv4Bits, o.Address.IPv6Bits = 24, 64
	var sessions []dcsapi.Session
	for _, address := range []string{
		"10.1.2.3:1", "10.1.2.4:2", "10.1.2.3:3", "10.1.3.1", "[2001:db8:0:1::5]:1", "2001:db8:0:1:ffff::1", "[fe80::1%eth0]:9",
		"198.19.1.2:5", "198.19.1.3:5", "/run/redis.sock:0", "host:1", "10.1.2.0/24:7",
	} {
		sessions = append(sessions, dcsapi.Session{Addr: address})
	}
	s := addUp(o, sessions...)
	got := make(map[string]int64)
	for _, c := range s.Clients {
		got[c.Address] = c.Sessions
	}
	if want := map[string]int64{
		"10.1.2.0/24": 4, "10.1.3.0/24": 1, "2001:db8:0:1::/64": 2, "fe80::/64": 1, "198.19.1.2": 1, "198.19.1.3": 1, "/run/redis.sock:0": 1, "host": 1,
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s.Masked != 2 {
		t.Errorf("%d masked, want 2", s.Masked)
	}
}

// TestActive checks which sessions are active.
func TestActive(t *testing.T) {
	o := testOptions()
	o.ActiveBelow = 10 * time.Second
	s := addUp(o,
		dcsapi.Session{User: "a", Addr: "10.0.0.1:1", Idle: 0, Present: allNumbers}, dcsapi.Session{User: "a", Addr: "10.0.0.1:2", Idle: 9, Present: allNumbers},
		dcsapi.Session{User: "a", Addr: "10.0.0.2:1", Idle: 10, Present: allNumbers}, dcsapi.Session{User: "b", Addr: "10.0.0.2:1"},
	)
	if a, b := s.Users[0].Active, s.Users[1].Active; a.Total != 2 || !a.Known() || b.Known() {
		t.Errorf("users: %+v, %+v", a, b)
	}
	if c := s.Clients[0]; c.Address != "10.0.0.1" || c.Active.Total != 2 {
		t.Errorf("client: %+v", c)
	}
}

// BenchmarkGroups adds up 100,000 sessions of 1,000 hosts, without groups and with
// 1,000 rules.
func BenchmarkGroups(b *testing.B) {
	var sessions []dcsapi.Session
	for i := range 100_000 {
		h := i % 1000
		sessions = append(sessions, dcsapi.Session{
			ID: fmt.Sprint(i), Addr: fmt.Sprintf("10.%d.%d.%d:%d", h%4, h%10, h/10, 1024+i%60000), User: fmt.Sprintf("user-%d", i%5), Name: fmt.Sprintf("app-%d", i%5),
			Cmd: "get", DB: "0", Flags: "N", Network: "vpc", Idle: int64(i % 100), Present: allNumbers,
		})
	}
	var byAddress, byName []aggregate.GroupRule
	for i := range 1000 {
		r := aggregate.GroupRule{Group: fmt.Sprint("group-", i%40), CIDRs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i % 4), byte(i % 250), 0}), 24)}, Users: []string{fmt.Sprintf("user-%d", i%9)}}
		byAddress = append(byAddress, r)
		r.Names = regexp.MustCompile(fmt.Sprintf("^app-%d$", i%7))
		byName = append(byName, r)
	}
	for _, bb := range []struct {
		name  string
		rules []aggregate.GroupRule
		bits  int // of networks in place of addresses, 0 for addresses
	}{
		{"none", nil, 0},
		{"1000 by address and user", byAddress, 0},
		{"1000 by name too", byName, 0},
		{"none, networks", nil, 24},
		{"1000 by address and user, networks", byAddress, 24},
		{"1000 by name too, networks", byName, 24},
	} {
		b.Run(bb.name, func(b *testing.B) {
			o := testOptions()
			o.Groups, o.Limits.Groups, o.Address.IPv4Bits = aggregate.NewGroups(bb.rules), 50, bb.bits
			for b.Loop() {
				agg := aggregate.New(&o, asIs)
				for i := range sessions {
					agg.Add(&sessions[i])
				}
				agg.Snapshot(nil, time.Time{})
			}
		})
	}
}
