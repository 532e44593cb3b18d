package dcsapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

const (
	// partLen is the length from which on a part of a secret is secret too.
	partLen = 8
	// wordLen is the length from which on a secret that is shorter than
	// partLen is hidden, where it stands as a word.
	wordLen = 4
	// keysHidden is how many of the keys used last are hidden.
	keysHidden = 4
	// maxErrorText is how many bytes of somebody else's text an error repeats.
	maxErrorText = 300
	// maxText bounds each text of an error.
	maxText = 4000
)

const redacted = "<redacted>"

// hidden takes secrets out of texts that a server, a proxy or net/http may
// have made of them. Parts of a secret are found as they are; and by their
// letters and digits alone, without regard to case, so that neither tags, white
// space nor another alphabet of base64 between them hides them. nil hides
// nothing.
type hidden struct {
	parts   map[uint64]struct{} // all parts of partLen bytes
	letters map[uint64]struct{} // all parts of partLen letters and digits
	sieve   *sieve              // lets all of both through, and little else
	words   []string            // secrets that are shorter
	also    *hidden
}

// hide returns what hides secrets and their parts.
func hide(secrets ...string) *hidden {
	h := &hidden{parts: make(map[uint64]struct{}), letters: make(map[uint64]struct{}), sieve: new(sieve)}
	for _, secret := range secrets {
		eachPart(secret, same, func(part uint64, _, _ int) { h.parts[part] = struct{}{}; h.sieve.add(part) })
		eachPart(secret, letter, func(part uint64, _, _ int) { h.letters[part] = struct{}{}; h.sieve.add(part) })
		if len(secret) >= wordLen && len(secret) < partLen {
			h.words = append(h.words, secret)
		}
	}
	return h
}

// sieve tells quickly that a part is of no secret, as nearly all of a long text
// are.
type sieve [1 << 10]uint64

func (s *sieve) add(part uint64) { word, bit := place(part); s[word] |= bit }

func (s *sieve) has(part uint64) bool { word, bit := place(part); return s[word]&bit != 0 }

// place returns where a part is noted.
func place(part uint64) (word int, bit uint64) {
	hash := part * 0x9e3779b97f4a7c15 >> 48
	return int(hash >> 6), 1 << (hash & 63)
}

// eachPart calls f for each part of partLen characters of a text, with where
// it begins and ends. fold returns a character as it counts, or false if it
// does not.
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

// letter returns a letter in lower case, or a digit.
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

// redact returns a text without the secrets.
func (h *hidden) redact(s string) string {
	if h == nil || s == "" {
		return s
	}
	var secret []bool // which bytes of s are
	mark := func(parts map[uint64]struct{}) func(part uint64, from, to int) {
		return func(part uint64, from, to int) {
			if !h.sieve.has(part) {
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
	eachPart(s, same, mark(h.parts))
	eachPart(s, letter, mark(h.letters))
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
	for _, word := range h.words {
		s = redactWord(s, word)
	}
	return h.also.redact(s)
}

// redactWord takes a short secret out of a text where it is no part of a word.
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

// quote returns somebody else's text as an error may repeat it: without
// secrets, then at most n bytes of it on one line. It is cut last: half of a
// secret would not be known for one.
func (h *hidden) quote(s string, n int) string { return cut(h.redact(s), n) }

// seal returns an error without secrets in any of its texts. Every error of a
// request passes here, last where it leaves the client.
func (h *hidden) seal(e *Error) *Error {
	sealed := *e
	for _, text := range []*string{&sealed.Op, &sealed.Code, &sealed.Message, &sealed.ExtMessage, &sealed.RequestID} {
		*text = h.quote(*text, maxText)
	}
	if e.Err == nil || ourWords(e.Err) {
		return &sealed
	}
	text := h.redact(e.Err.Error())
	if _, ours := errors.AsType[*Error](e.Err); !ours {
		text = cut(text, maxErrorText)
	}
	if text != e.Err.Error() {
		sealed.Err = errors.New(text) // what the cause wraps has the secret too
	}
	return &sealed
}

// ourWords reports whether an error has nothing of somebody else's.
func ourWords(err error) bool {
	if _, ok := err.(*proxyError); ok { //nolint:errorlint // not what it wraps
		return true
	}
	return slices.Contains([]error{errTooLarge, errEnded, errNoPlace, context.Canceled}, err)
}

// secrets are those of a client: its proxies', and the keys used last. Errors
// may be about an answer that was given to the key before.
type secrets struct {
	proxies []string

	mu      sync.Mutex
	keys    []Key // the newest last
	hidden  *hidden
	inNames *hidden
}

// add adds a key before it is used.
func (s *secrets) add(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.keys, k) {
		return
	}
	if s.keys = append(s.keys, k); len(s.keys) > keysHidden {
		s.keys = s.keys[1:]
	}
	var texts []string
	for _, k := range s.keys {
		for _, secret := range []string{k.AccessKey, k.SecretKey, k.SecurityToken} {
			texts = append(texts, secret, url.QueryEscape(secret))
		}
	}
	s.hidden = hide(s.proxies...)
	s.hidden.also = hide(texts...)
	s.inNames = &hidden{parts: s.hidden.also.parts, letters: s.hidden.also.letters, sieve: s.hidden.also.sieve}
}

// hide returns what hides them.
func (s *secrets) hide() *hidden {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hidden == nil {
		return hide(s.proxies...)
	}
	return s.hidden
}

// hideKeys returns what hides keys in names and other values that the API gives.
// Nobody but a proxy is sent what is meant for it, and short secrets may be
// words, that are part of a name.
func (s *secrets) hideKeys() *hidden {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inNames
}

// hideWith returns what hides them and one more.
func (s *secrets) hideWith(secret string) *hidden {
	h := hide(secret)
	h.also = s.hide()
	return h
}

// seal returns an error, made an *Error if it is none, without the secrets.
func (s *secrets) seal(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Reason: ReasonOf(err), Err: err}
	}
	return s.hide().seal(e)
}

// proxySecrets returns the user names and passwords of the proxies on the way
// to the endpoints, in all forms in which they are sent or written.
func proxySecrets(proxy func(*http.Request) (*url.URL, error), endpoints ...string) (out []string) {
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil || proxy == nil {
			continue
		}
		at, err := proxy(&http.Request{URL: u, Host: u.Host, Header: http.Header{}})
		if err != nil || at == nil || at.User == nil {
			continue
		}
		password, _ := at.User.Password()
		pair := at.User.Username() + ":" + password
		out = append(out, pair, at.User.String(), base64.StdEncoding.EncodeToString([]byte(pair)))
		for _, part := range []string{at.User.Username(), password} {
			if len(part) >= partLen || part == password {
				out = append(out, part, url.QueryEscape(part), url.PathEscape(part))
			}
		}
	}
	return out
}

// signature returns the signature of a request: with it the request could be
// sent again.
func signature(req *http.Request) string {
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	return signature
}
