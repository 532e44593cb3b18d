// Package printable makes texts that others have written safe to show: they
// move no terminal's cursor, turn no direction of writing, and have an end.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text replaces what does not show as itself (control characters, line breaks,
// marks that turn the direction of writing) by Go's escapes.
func Text(s string) string {
	return escape(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Lines is Text for a text of several lines: line breaks and tabs stay.
func Lines(s string) string {
	return escape(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
}

// Name is Text for a name or an id, which is short where nobody means harm: it
// has 256 bytes at most.
func Name(s string) string { return Cut(Text(Cut(s, longestName)), longestName) }

const longestName = 256

func escape(s string, hidden func(rune) bool) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Cut returns a text of at most so many bytes, and "…" where something is
// missing.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	end := max(0, most-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
