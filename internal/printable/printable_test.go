package printable_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/printable"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, text, lines string }{
		{"", "", ""},
		{"plain – ünïcode 名", "plain – ünïcode 名", "plain – ünïcode 名"},
		{"\x1b[2J\a", `\x1b[2J\a`, `\x1b[2J\a`},
		{"a\nb\tc\rd\x00", `a\nb\tc\rd\x00`, "a\nb\tc" + `\rd\x00`},
		{"\u009b31m\u202eevil\u2028", `\u009b31m\u202eevil\u2028`, `\u009b31m\u202eevil\u2028`},
		{"a\x9bb\xff", "a\uFFFDb\uFFFD", "a\uFFFDb\uFFFD"},
	} {
		if got := printable.Text(tt.in); got != tt.text {
			t.Errorf("Text(%q) is %q, want %q", tt.in, got, tt.text)
		}
		if got := printable.Lines(tt.in); got != tt.lines {
			t.Errorf("Lines(%q) is %q, want %q", tt.in, got, tt.lines)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdef", 5, "ab…"}, {"üüüü", 7, "üü…"}, {"üüüü", 6, "ü…"}, {"abcd", 3, "…"}, {"", 0, ""},
	} {
		if got := printable.Cut(tt.in, tt.most); got != tt.want {
			t.Errorf("Cut(%q, %d) is %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
	if got := printable.Name(strings.Repeat("\x1b", 1<<20)); len(got) > 256 || !strings.HasSuffix(got, "…") {
		t.Errorf("a name of %d bytes: %.50q", len(got), got)
	}
}
