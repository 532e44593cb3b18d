// Package printable makes untrusted text safe to show: it escapes characters that
// would move a terminal's cursor or change the writing direction, and limits the
// length.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text replaces non-printable characters (control characters, line breaks, marks
// that change the writing direction) with Go escapes.
func Text(s string) string {
	return escape(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Lines is like Text but keeps line breaks and tabs.
func Lines(s string) string {
	return escape(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
}

// Name is like Text for a name or an id, and cuts it to 256 bytes.
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

// Cut returns s. If s has more than most bytes, Cut shortens it to that length
// and ends it with "…".
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
