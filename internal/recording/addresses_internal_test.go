package recording

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// TestAddresses checks that replacements of addresses have the structure of the
// originals: which are the same, in one network, masked, and their form.
func TestAddresses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for range 400 {
		a, b := rng.IntN(3), rng.IntN(4)
		switch rng.IntN(5) {
		case 0:
			texts = append(texts, fmt.Sprintf("198.19.%d.%d:%d", 100+a, rng.IntN(256), 1024+rng.IntN(60000)))
		case 1:
			texts = append(texts, fmt.Sprintf("[2001:db8:%x:%x::%x]:%d", a, b, rng.IntN(1000), rng.IntN(60000)))
		case 2:
			texts = append(texts, fmt.Sprintf("10.%d.%d.%d", a, b, rng.IntN(256)))
		case 3:
			texts = append(texts, fmt.Sprintf("::ffff:10.%d.%d.%d", a, b, rng.IntN(256)))
		default:
			texts = append(texts, fmt.Sprintf("172.%d.%d.%d:%d", 16+a, b, rng.IntN(256), rng.IntN(60000)))
		}
	}
	for b := range 150 { // most of those that replacements are made of
		texts = append(texts, fmt.Sprintf("10.%d.1.1", 50+b))
	}
	texts = append(texts, "127.0.0.1:6379", "[::1]:6379", "0.0.0.0")
	body, _ := json.Marshal(map[string][]string{"ips": texts})
	var out struct{ IPs []string }
	if err := json.Unmarshal(one(t, "/v2/p/instances", string(body)).Exchanges[0].Response.Body, &out); err != nil {
		t.Fatal(err)
	}
	parsed := func(text string) address {
		a, ok := parseAddress(text)
		if !ok {
			t.Fatalf("%q is not an address", text)
		}
		return a
	}
	networks := make(map[netip.Prefix]bool)
	for _, text := range texts {
		network, _ := parsed(text).ip.Unmap().Prefix(16)
		networks[network] = true
	}
	for i, text := range texts {
		a, b := parsed(text), parsed(out.IPs[i])
		network, _ := b.ip.Unmap().Prefix(16)
		isLocal := a.ip.IsLoopback() || a.ip.IsUnspecified()
		switch {
		case a.port != b.port, a.brackets != b.brackets, a.ip.Is4() != b.ip.Is4(), a.ip.Is4In6() != b.ip.Is4In6(), masked.Contains(a.ip) != masked.Contains(b.ip):
			t.Errorf("%s became %s", text, out.IPs[i])
		case isLocal != (a == b):
			t.Errorf("%s became %s", text, out.IPs[i])
		case b.ip.Unmap().Is4() && networks[network] && !masked.Contains(b.ip) && !isLocal:
			t.Errorf("%s became %s, which is in the network of another", text, out.IPs[i])
		}
		for j := range i {
			c, d := parsed(texts[j]), parsed(out.IPs[j])
			if a.ip.Is4() != c.ip.Is4() || a.ip.IsLoopback() || c.ip.IsLoopback() {
				continue
			}
			widths := []int{16, 24, 32}
			if !a.ip.Is4() {
				widths = []int{48, 64, 128}
			}
			for _, width := range widths {
				before, _ := a.ip.Prefix(width)
				after, _ := b.ip.Prefix(width)
				if before.Contains(c.ip) != after.Contains(d.ip) {
					t.Fatalf("%s and %s share a /%d: %t; %s and %s: %t", text, texts[j], width, before.Contains(c.ip), out.IPs[i], out.IPs[j], after.Contains(d.ip))
				}
			}
		}
	}
}

// TestOtherAddresses checks what is in the place of an address and is none.
func TestOtherAddresses(t *testing.T) {
	body := `[{"addr":"/var/run/redis.sock:0"},{"addr":"/var/run/redis.sock:0"},{"addr":"db.internal:4000"},{"addr":"db.internal:4001"},{"ip":"10.1.2.3,10.1.2.4"},{"addr":""},{"addr":"x"}]`
	got := string(one(t, "/v2/p/instances", body).Exchanges[0].Response.Body)
	var out []map[string]string
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		t.Fatal(err)
	}
	if out[0]["addr"] != "/host-1:0" || out[1]["addr"] != out[0]["addr"] || out[2]["addr"] != "host-2:4000" || out[3]["addr"] != "host-2:4001" || out[5]["addr"] != "" {
		t.Errorf("got %s", got)
	}
	first, second, ok := strings.Cut(out[4]["ip"], ",")
	if !ok || !strings.HasPrefix(first, "10.") || first[:strings.LastIndex(first, ".")] != second[:strings.LastIndex(second, ".")] {
		t.Errorf("a list of two addresses became %s", out[4]["ip"])
	}
}

// TestAllNetworks checks that every network has a replacement, even if all of them
// are in use.
func TestAllNetworks(t *testing.T) {
	n := newNetworks()
	var all []netip.Addr
	for a := range 256 {
		for b := range 256 {
			if ip := netip.AddrFrom4([4]byte{byte(a), byte(b), 1, 1}); a != 127 && !masked.Contains(ip) {
				all = append(all, ip)
				n.note(ip)
			}
		}
	}
	seen := make(map[netip.Addr]bool)
	for _, ip := range all {
		out := n.alias(ip)
		network, _ := out.Prefix(16)
		if seen[network.Addr()] || masked.Contains(out) {
			t.Fatalf("%s became %s, which is masked or in the network of another", ip, out)
		}
		seen[network.Addr()] = true
	}
}
