package dcsapi

import (
	"encoding/binary"
	"math/bits"
)

// The functions here read JSON by words of eight bytes, the first byte lowest. They
// do not find what begins in the last seven bytes of a body.

// Words with the same byte eight times. The highest bit of each byte is its flag.
const (
	ones  = 0x0101010101010101
	flags = 0x80 * ones
)

// wordAt returns the eight bytes at an offset.
func wordAt(body []byte, at int) uint64 { return binary.LittleEndian.Uint64(body[at:]) }

// fixedText is a text to be compared with parts of a body.
type fixedText struct {
	text        []byte
	first, last uint64 // its first and its last eight bytes, or all of them if there are fewer
	mask        uint64 // which bits of first and last count
	tail        int    // where last begins
}

func newFixedText(text []byte) fixedText {
	var padded [8]byte
	copy(padded[:], text)
	f := fixedText{text: text, first: wordAt(padded[:], 0), mask: 1<<(8*len(text)) - 1}
	f.last = f.first
	if len(text) >= 8 {
		f.mask, f.tail = ^uint64(0), len(text)-8
		f.last = wordAt(text, f.tail)
	}
	return f
}

// isAt reports whether the text is at an offset.
func (f *fixedText) isAt(body []byte, at int) bool {
	if at+max(len(f.text), 8) > len(body) {
		return false
	}
	if (wordAt(body, at)^f.first)&f.mask|(wordAt(body, at+f.tail)^f.last)&f.mask != 0 {
		return false
	}
	return len(f.text) <= 16 || string(body[at:at+len(f.text)]) == string(f.text)
}

// plainTextEnd returns the offset of the first byte that does not represent itself
// in a JSON string: a quote, a backslash or a control character. It is -1 if there
// is none.
func plainTextEnd(body []byte, at int) int {
	for ; at+8 <= len(body); at += 8 {
		w := wordAt(body, at)
		quote, backslash := w^'"'*ones, w^'\\'*ones
		// Subtracting from a byte of 0, or less than is subtracted, sets its flag.
		// Borrows set flags only above the first that is set rightly.
		if found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-' '*ones)&^w) & flags; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	return -1
}

// plainInt decodes the integer of at most seven digits at an offset and returns
// its end, or -1 if there is none. The caller must check what follows: it may be
// the rest of another kind of number.
func plainInt(body []byte, at int) (n int64, end int) {
	negative := at < len(body) && body[at] == '-'
	if negative {
		at++
	}
	if at+8 > len(body) {
		return 0, -1
	}
	digits := wordAt(body, at) ^ '0'*ones
	// Digits are 0 to 9 now. Carries set flags only above the first other byte.
	count := bits.TrailingZeros64((digits|(digits+(0x7f-9)*ones))&flags) / 8
	if count == 0 || count == 8 || (body[at] == '0' && count > 1) {
		return 0, -1
	}
	// Leading zeros make eight digits of it, the first one lowest. Pairs of digits
	// become numbers below 100, these numbers below 10,000, and these the result.
	digits <<= 8 * (8 - count)
	digits = digits * (1 + 10<<8) >> 8 & 0x00ff00ff00ff00ff
	digits = digits * (1 + 100<<16) >> 16 & 0x0000ffff0000ffff
	n = int64(digits * (1 + 10_000<<32) >> 32)
	if negative {
		n = -n
	}
	return n, at + count
}
