package onlinecheck_test

import (
	"strings"
	"testing"
	"unicode"
)

// TestReportIsPrintable checks that names from the API cannot control a terminal
// or break the table.
func TestReportIsPrintable(t *testing.T) {
	const hostile = "\x1b]0;owned\a\r\x00\nFORGED line \u202e"
	bad := instance("instance-1", node("master", "redis-server", "node-1", plain(1)))
	bad.Name = hostile + strings.Repeat("x", 1<<20)
	bad.EngineVersion, bad.Nodes[0].Name, bad.Nodes[0].Type = hostile, hostile, hostile
	h := newHarness(t, bad)
	got := h.table(h.check(h.yaml("    discover: {}\n")))
	for line := range strings.Lines(got) {
		text := strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 1000 || strings.HasPrefix(text, "FORGED") {
			t.Errorf("a line of %d bytes: %.200q", len(text), text)
		}
	}
	if !strings.Contains(got, `\x1b]0;owned\a\r`) {
		t.Errorf("the name is not shown:\n%.2000s", got)
	}
}
