package dcsapi

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-faster/jx"
)

// textField decodes a string into f, cut to maxKept bytes, or leniently a number
// or a boolean as it is written. null, objects and arrays count as missing. With
// share, f shares raw's memory where possible.
func textField(raw jx.Raw, f *string, share bool) error {
	switch raw.Type() {
	case jx.String:
		b := raw[1 : len(raw)-1]
		if bytes.IndexByte(b[:min(len(b), 2*maxKept)], '\\') >= 0 {
			s, err := jx.DecodeBytes(prefixOf(raw)).Str()
			*f = strings.Clone(cutText(s))
			return err
		}
		*f = toString(b, share)
	case jx.Number, jx.Bool:
		*f = toString(raw, share)
	default:
		*f = ""
	}
	return nil
}

// prefixOf returns a prefix of a JSON string that is long enough for maxKept
// decoded bytes and does not end within an escape.
func prefixOf(raw jx.Raw) jx.Raw {
	const longest = len(`\u0000`) // per byte
	if len(raw) <= 2*longest*maxKept {
		return raw
	}
	at := 1
	for at <= longest*maxKept {
		switch {
		case raw[at] != '\\':
			at++
		case raw[at+1] == 'u':
			at += longest
		default:
			at += 2
		}
	}
	return append(bytes.Clone(raw[:at]), '"')
}

// toString returns b, cut to maxKept bytes, as a string. With share, it shares
// b's memory, which must not change while the string is in use.
func toString(b []byte, share bool) string {
	if len(b) > maxKept {
		b = cutText(b)
	}
	if share {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}

// numberField decodes an integer, leniently one in a string or with an exponent,
// and reports whether there was one. Anything else counts as missing.
func numberField(raw jx.Raw) (int64, bool) {
	switch raw.Type() {
	case jx.Number:
		return parseInt(raw)
	case jx.String:
		return parseInt(bytes.TrimSpace(raw[1 : len(raw)-1]))
	default:
		return 0, false
	}
}

// parseInt parses an integer. Fractions are truncated; a number that overflows
// an int64 is not one.
func parseInt(b []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(x) || x < math.MinInt64 || x >= math.MaxInt64 {
		return 0, false
	}
	return int64(x), true
}
