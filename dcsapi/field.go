package dcsapi

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-faster/jx"
)

// textField decodes a string into f, leniently a number or a boolean as its
// own text. null, objects and arrays are as if missing. Texts are cut. With
// share, f shares raw's memory where that is possible.
func textField(raw jx.Raw, f *string, share bool) error {
	switch raw.Type() {
	case jx.String:
		b := raw[1 : len(raw)-1]
		if bytes.IndexByte(b[:min(len(b), 2*maxKept)], '\\') >= 0 {
			s, err := jx.DecodeBytes(beginOf(raw)).Str()
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

// beginOf returns as much of a string as no more than maxKept bytes can be made
// of, and no broken escape.
func beginOf(raw jx.Raw) jx.Raw {
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

// toString copies b, cut, or shares its memory: the page is not changed while
// its sessions are in use.
func toString(b []byte, share bool) string {
	if len(b) > maxKept {
		b = cutText(b)
	}
	if share {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}

// numberField decodes an integer, leniently one written as a string or with
// an exponent, and tells whether there was one. Anything else is as if
// missing.
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

// parseInt reads the digits that nearly every number consists of, and leaves
// the rest to strconv. Fractions are cut, what 64 bits cannot hold is no
// number.
func parseInt(b []byte) (int64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) <= 18 {
		var n int64
		plain := true
		for _, c := range digits {
			if c < '0' || c > '9' {
				plain = false
				break
			}
			n = n*10 + int64(c-'0')
		}
		if plain {
			if len(digits) < len(b) {
				n = -n
			}
			return n, true
		}
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(x) || x < math.MinInt64 || x >= math.MaxInt64 {
		return 0, false
	}
	return int64(x), true
}

// kind names a JSON type in an error.
func kind(t jx.Type) string {
	if t == jx.Invalid {
		return "not JSON at all"
	}
	return t.String()
}
