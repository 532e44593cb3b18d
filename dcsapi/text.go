package dcsapi

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKept bounds the texts that are kept in bytes, since servers and clients
// choose their length.
const maxKept = 512

// cutText returns a text cut to maxKept bytes, without splitting a character.
func cutText[T string | []byte](s T) T {
	if len(s) <= maxKept {
		return s
	}
	end := maxKept
	for end > maxKept-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// text is a string that decodes leniently: a number or a boolean as it is written,
// and null, an object or an array as "".
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return nil
	}
	switch b[0] {
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	case '{', '[', 'n':
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

var htmlTag = regexp.MustCompile(`<[^<>]*>`)

// plainText returns the text of an HTML page: without tags, with entities
// resolved and white space folded. A page of tags alone stays as it is.
func plainText(s string) string {
	text := html.UnescapeString(htmlTag.ReplaceAllString(s, " "))
	if strings.TrimSpace(text) == "" {
		text = s
	}
	return strings.Join(strings.Fields(text), " ")
}

// cut makes a server's text fit for one line of a log: valid UTF-8, printable,
// and at most n bytes followed by an ellipsis.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
