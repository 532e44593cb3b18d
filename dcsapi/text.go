package dcsapi

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxKept is how many bytes of a text are kept: names, ids and whatever else
// servers and clients choose.
const maxKept = 512

// cutText returns at most maxKept bytes of a text, by whole characters.
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

// text decodes a JSON string, and leniently a number or a boolean, as a
// string. null, objects and arrays decode as "".
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
