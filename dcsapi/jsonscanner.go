package dcsapi

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-faster/jx"
)

// jsonScanner scans JSON by offsets, so that a caller can decode any part of it
// by other means. Its methods take the offset of what they scan, and return the
// offset of its end.
type jsonScanner struct {
	body  []byte
	value jx.Decoder
}

// fieldFunc decodes the value of a key at an offset, and returns its end.
type fieldFunc func(key []byte, at int) (end int, err error)

// object scans an object, and calls field for the value of each key.
func (s *jsonScanner) object(at int, field fieldFunc) (int, error) {
	if at = s.space(at + 1); s.is(at, '}') {
		return at + 1, nil
	}
	for {
		key, end, err := s.key(at)
		if err != nil {
			return 0, err
		}
		if at = s.space(end); !s.is(at, ':') {
			return 0, s.unexpected(at)
		}
		if end, err = field(key, s.space(at+1)); err != nil {
			return 0, err
		}
		switch at = s.space(end); {
		case s.is(at, ','):
			at = s.space(at + 1)
		case s.is(at, '}'):
			return at + 1, nil
		default:
			return 0, s.unexpected(at)
		}
	}
}

// key decodes a key.
func (s *jsonScanner) key(at int) ([]byte, int, error) {
	if !s.is(at, '"') {
		return nil, 0, s.unexpected(at)
	}
	end, err := s.valueEnd(at)
	if err != nil {
		return nil, 0, err
	}
	key := s.body[at+1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key, err = jx.DecodeBytes(s.body[at:end]).StrBytes()
	}
	return key, end, err
}

// valueEnd scans a value of any kind, which must be valid.
func (s *jsonScanner) valueEnd(at int) (int, error) {
	if at == len(s.body) {
		return 0, s.unexpected(at)
	}
	s.value.ResetBytes(s.body[at:])
	raw, err := s.value.Raw()
	if err != nil {
		return 0, fmt.Errorf("at byte %d: %w", at, err)
	}
	return at + len(raw), nil
}

// space skips white space.
func (s *jsonScanner) space(at int) int {
	for at < len(s.body) && (s.body[at] == ' ' || s.body[at] == '\n' || s.body[at] == '\t' || s.body[at] == '\r') {
		at++
	}
	return at
}

// is reports whether the byte at an offset is c.
func (s *jsonScanner) is(at int, c byte) bool { return at < len(s.body) && s.body[at] == c }

// unexpected returns the error of a byte that is not allowed where it is.
func (s *jsonScanner) unexpected(at int) error {
	if at >= len(s.body) {
		return errors.New("the response's JSON is incomplete")
	}
	return fmt.Errorf("at byte %d: unexpected %q", at, s.body[at])
}
