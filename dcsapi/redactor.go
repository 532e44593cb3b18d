package dcsapi

import (
	"context"
	"errors"
	"slices"
	"strings"
)

const (
	// partLen is the length from which on a part of a secret is secret too.
	partLen = 8
	// wordLen is the length from which on a secret shorter than partLen is
	// redacted, where it is a word of its own.
	wordLen = 4
	// maxErrorText is how many bytes of an untrusted text an error repeats.
	maxErrorText = 300
	// maxText bounds each text of an error.
	maxText = 4000
)

const redacted = "<redacted>"

// redactor replaces secrets in texts that a server, a proxy or net/http has
// written. It finds parts of a secret verbatim, and by their letters and digits
// alone regardless of case, so that tags, white space or another base64
// alphabet do not conceal them. A nil redactor leaves texts as they are.
type redactor struct {
	parts   map[uint64]struct{} // all parts of partLen bytes
	letters map[uint64]struct{} // all parts of partLen letters and digits
	filter  *filter             // of both
	words   []string            // shorter secrets
	next    *redactor           // applied afterwards, nil for none
}

// newRedactor returns a redactor of secrets and their parts.
func newRedactor(secrets ...string) *redactor {
	r := &redactor{parts: make(map[uint64]struct{}), letters: make(map[uint64]struct{}), filter: new(filter)}
	for _, secret := range secrets {
		eachPart(secret, same, func(part uint64, _, _ int) { r.parts[part] = struct{}{}; r.filter.add(part) })
		eachPart(secret, letter, func(part uint64, _, _ int) { r.letters[part] = struct{}{}; r.filter.add(part) })
		if len(secret) >= wordLen && len(secret) < partLen {
			r.words = append(r.words, secret)
		}
	}
	return r
}

// filter is a Bloom filter with one hash: it rules nearly all parts of a long text
// out at little cost.
type filter [1 << 10]uint64

func (f *filter) add(part uint64) { word, bit := place(part); f[word] |= bit }

func (f *filter) has(part uint64) bool { word, bit := place(part); return f[word]&bit != 0 }

// place returns the place of a part in a filter.
func place(part uint64) (word int, bit uint64) {
	hash := part * 0x9e3779b97f4a7c15 >> 48
	return int(hash >> 6), 1 << (hash & 63)
}

// eachPart calls f for each part of partLen characters of s, with its offsets.
// fold returns the character to compare, or false for one to skip.
func eachPart(s string, fold func(byte) (byte, bool), f func(part uint64, from, to int)) {
	var part uint64
	var at [partLen]int // where the last characters are
	n := 0
	for i := range len(s) {
		c, ok := fold(s[i])
		if !ok {
			continue
		}
		part = part<<8 | uint64(c)
		at[n%partLen] = i
		if n++; n >= partLen {
			f(part, at[n%partLen], i+1)
		}
	}
}

func same(c byte) (byte, bool) { return c, true }

// letter returns a letter in lower case or a digit, and false for anything else.
func letter(c byte) (byte, bool) {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c, true
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A', true
	default:
		return 0, false
	}
}

// redact returns s without the secrets.
func (r *redactor) redact(s string) string {
	if r == nil || s == "" {
		return s
	}
	var secret []bool // which bytes of s are
	mark := func(parts map[uint64]struct{}) func(part uint64, from, to int) {
		return func(part uint64, from, to int) {
			if !r.filter.has(part) {
				return
			}
			if _, ok := parts[part]; !ok {
				return
			}
			if secret == nil {
				secret = make([]bool, len(s))
			}
			for i := from; i < to; i++ {
				secret[i] = true
			}
		}
	}
	eachPart(s, same, mark(r.parts))
	eachPart(s, letter, mark(r.letters))
	if secret != nil {
		var b strings.Builder
		for i := range len(s) {
			switch {
			case !secret[i]:
				b.WriteByte(s[i])
			case i == 0 || !secret[i-1]:
				b.WriteString(redacted)
			}
		}
		s = b.String()
	}
	for _, word := range r.words {
		s = redactWord(s, word)
	}
	return r.next.redact(s)
}

// redactWord replaces a short secret where it is not a part of a longer word.
func redactWord(s, word string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return s
		}
		i += from
		end := i + len(word)
		before, after := false, false
		if i > 0 {
			_, before = letter(s[i-1])
		}
		if end < len(s) {
			_, after = letter(s[end])
		}
		if from = end; !before && !after {
			s = s[:i] + redacted + s[end:]
			from = i + len(redacted)
		}
	}
}

// quote returns an untrusted text as an error may repeat it: without secrets,
// and at most n bytes of it on one line. It is cut last, since half of a secret
// would not be recognized.
func (r *redactor) quote(s string, n int) string { return cut(r.redact(s), n) }

// redactError returns a copy of an error without secrets in any of its texts.
func (r *redactor) redactError(e *Error) *Error {
	clean := *e
	for _, text := range []*string{&clean.Op, &clean.Code, &clean.Message, &clean.ExtMessage, &clean.RequestID} {
		*text = r.quote(*text, maxText)
	}
	if e.Err == nil || isConstant(e.Err) {
		return &clean
	}
	text := r.redact(e.Err.Error())
	if _, ours := errors.AsType[*Error](e.Err); !ours {
		text = cut(text, maxErrorText)
	}
	if text != e.Err.Error() {
		clean.Err = errors.New(text) // without the cause, which holds the secret
	}
	return &clean
}

// isConstant reports whether the text of an error contains nothing from outside
// of this package.
func isConstant(err error) bool {
	if _, ok := err.(*proxyError); ok { //nolint:errorlint // not what it wraps
		return true
	}
	return slices.Contains([]error{errTooLarge, errConnectionsEnd, errNoToken, context.Canceled}, err)
}
