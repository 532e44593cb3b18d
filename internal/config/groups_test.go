package config_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// TestGroupProblems checks that what is wrong with client groups is named with its
// line.
func TestGroupProblems(t *testing.T) {
	for _, tt := range []struct{ name, rules, want string }{
		{"none", "client_groups: []", "client_groups: is empty: list rules"},
		{"no list", "client_groups: {a: b}", "client_groups: must be a list"},
		{"no group", "client_groups:\n  - users: [a]", "client_groups[0].group: is missing"},
		{"no condition", "client_groups:\n  - group: a", "client_groups[0]: has no condition"},
		{"empty rule", "client_groups:\n  -", "client_groups[0]: is empty"},
		{"reserved", "client_groups:\n  - {group: ungrouped, users: [a]}", `client_groups[0].group: "ungrouped" has a meaning of its own`},
		{"reserved too", "client_groups:\n  - {group: other, users: [a]}", `client_groups[0].group: "other" has a meaning of its own`},
		{"bad network", "client_groups:\n  - {group: a, cidrs: [10.0.0.0/33]}", `client_groups[0].cidrs[0]: "10.0.0.0/33" is not a network`},
		{"no network", "client_groups:\n  - {group: a, cidrs: [example.com]}", `"example.com" is not a network such as`},
		{"bits beyond", "client_groups:\n  - {group: a, cidrs: [10.1.2.3/16]}", `"10.1.2.3/16" has bits beyond its length: write 10.1.0.0/16`},
		{"mapped", "client_groups:\n  - {group: a, cidrs: ['::ffff:10.0.0.0/104']}", "write it as IPv4"},
		{"empty networks", "client_groups:\n  - {group: a, cidrs: []}", "client_groups[0].cidrs: is empty: list networks"},
		{"empty users", "client_groups:\n  - {group: a, users: []}", "client_groups[0].users: is empty: list users"},
		{"bad expression", "client_groups:\n  - {group: a, names: 'a('}", `client_groups[0].names: "a(" is not a regular expression`},
		{"unknown key", "client_groups:\n  - {group: a, user: [b]}", "users"},
		{"port and network", "client_address: {include_port: true, aggregate: {ipv4: 24}}", "client_address.aggregate: makes networks of addresses, which have no port"},
		{"bits", "client_address: {aggregate: {ipv4: 33}}", "client_address.aggregate.ipv4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Parse("c.yml", []byte(minimal+tt.rules+"\n"), ".")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestManyGroups checks how many rules there may be, and that one that never matches
// is warned of.
func TestManyGroups(t *testing.T) {
	rules := func(n int) []byte {
		var b strings.Builder
		b.WriteString(minimal + "client_groups:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - {group: g%d, users: [u%d]}\n", i, i)
		}
		return []byte(b.String())
	}
	// The configuration has another warning, of its instance's id.
	if cfg, err := config.Parse("c.yml", rules(10_000), "."); err != nil || len(cfg.ClientGroups) != 10_000 || len(cfg.Warnings) != 1 {
		t.Errorf("got %v", err)
	}
	// More are not compared, which would take minutes.
	tooMany := append(rules(10_001), "  - {group: a}\n"...)
	_, err := config.Parse("c.yml", tooMany, ".")
	if problems, _ := errors.AsType[config.Problems](err); len(problems) != 1 || !strings.Contains(err.Error(), "has 10002 rules: at most 10000 are possible") {
		t.Errorf("got %v", err)
	}
}

// TestShadowedGroups checks which rules are said never to match.
func TestShadowedGroups(t *testing.T) {
	for _, tt := range []struct {
		first, second string
		shadowed      bool
	}{
		{"users: [x]", "users: [x]", true},
		{"users: [x, y]", "users: [y]", true},
		{"users: [x]", "users: [x, y]", false},
		{"cidrs: [10.0.0.0/8]", "cidrs: [10.1.0.0/16]", true},
		{"cidrs: [10.1.0.0/16]", "cidrs: [10.0.0.0/8]", false},
		{"cidrs: [0.0.0.0/0, '::/0']", "cidrs: [10.1.2.3, 2001:db8::/32]", true},
		{"cidrs: [0.0.0.0/0]", "cidrs: [10.1.2.3, 2001:db8::/32]", false},
		{"cidrs: [10.0.0.0/8]", "cidrs: [10.1.0.0/16], users: [x]", true},
		{"cidrs: [10.0.0.0/8], users: [x]", "cidrs: [10.1.0.0/16]", false},
		{"users: [x]", "cidrs: [10.1.0.0/16], users: [x], names: ^a", true},
		{"names: ^a", "users: [x], names: ^a", true},
		{"names: ^a", "users: [x], names: ^ab", false}, // expressions are only compared as texts
		{"names: .*", "cidrs: [10.1.0.0/16]", false},
	} {
		text := minimal + "client_groups:\n  - {group: z, users: [nobody]}\n  - {group: a, " + tt.first + "}\n  - {group: b, " + tt.second + "}\n"
		cfg, err := config.Parse("c.yml", []byte(text), ".")
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Count(minimal, "\n") + 3
		found := slices.ContainsFunc(cfg.Warnings, func(w config.Warning) bool {
			return w.Line == line+1 && w.Message == fmt.Sprintf("never matches: the rule on line %d comes first and matches all of these sessions", line)
		})
		if found != tt.shadowed {
			t.Errorf("%s, then %s: got %+v", tt.first, tt.second, cfg.Warnings)
		}
	}
}
