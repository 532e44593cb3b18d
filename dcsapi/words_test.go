package dcsapi

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// TestPlainTextEnd puts each byte at each place of a text, alone and before an
// earlier end.
func TestPlainTextEnd(t *testing.T) {
	for c := range 256 {
		special := c < ' ' || c == '"' || c == '\\'
		for at := range 20 {
			body := bytes.Repeat([]byte{'a'}, 40)
			body[at], body[24] = byte(c), '"'
			want := 24
			if special {
				want = at
			}
			if got := plainTextEnd(body, 0); got != want {
				t.Errorf("byte %#x at %d: %d, want %d", c, at, got, want)
			}
		}
	}
	for n := range 32 {
		body := []byte(strings.Repeat("é", n))
		if got := plainTextEnd(body, 0); got != -1 {
			t.Errorf("%q: %d, want -1", body, got)
		}
	}
}

func TestPlainInt(t *testing.T) {
	const rest = `,"omem":0}`
	for n := int64(1); n < 10_000_000; n += 1 + n/40 {
		for _, v := range []int64{n, -n, n - 1} {
			text := strconv.FormatInt(v, 10)
			if got, end := plainInt([]byte("x"+text+rest), 1); got != v || end != 1+len(text) {
				t.Errorf("%s: %d up to %d", text, got, end)
			}
		}
	}
	for c := range 256 {
		if '0' <= c && c <= '9' {
			continue
		}
		body := append([]byte("4711"), byte(c))
		if n, end := plainInt(append(body, "999999999"...), 0); n != 4711 || end != 4 {
			t.Errorf("before byte %#x: %d up to %d, want 4711 up to 4", c, n, end)
		}
		if n, end := plainInt(append([]byte{byte(c)}, "x99999999"...), 0); end != -1 {
			t.Errorf("byte %#x is read as %d", c, n)
		}
	}
	for _, text := range []string{"", "-", "--1", "+1", "01", "00", "-01", "12345678", "123456789", `"1"`, "null", " 1", ".5"} {
		if n, end := plainInt([]byte(text+rest), 0); end != -1 {
			t.Errorf("%q is read as %d", text, n)
		}
	}
	for _, body := range []string{"1", "-1", "1234567", "-123456"} {
		if n, end := plainInt([]byte(body), 0); end != -1 {
			t.Errorf("%q at the end of a body is read as %d", body, n)
		}
	}
}

// TestFixedText compares texts of all lengths with themselves, and with others
// that differ in one byte.
func TestFixedText(t *testing.T) {
	long := []byte(`{"id" : "","qbuf_free" : 17,"abcdefghijk"`)
	for n := 1; n <= len(long); n++ {
		f := newFixedText(long[:n])
		body := append(append([]byte("xy"), long[:n]...), "12345678"...)
		if !f.isAt(body, 2) {
			t.Errorf("%q is not found", f.text)
		}
		for at := range n {
			other := bytes.Clone(body)
			other[2+at] ^= 1
			if f.isAt(other, 2) {
				t.Errorf("%q is found in %q", f.text, other)
			}
		}
		for end := range 2 + n {
			if f.isAt(body[:end], 2) {
				t.Errorf("%q is found in %q", f.text, body[:end])
			}
		}
	}
}
