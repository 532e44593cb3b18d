package dcsapi

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-faster/jx"
)

// The methods of this file walk through a body by offsets, so that decoding
// can go on by other means wherever it is.

// fieldFunc decodes the value at an offset, which belongs to a key, and returns
// where it ends.
type fieldFunc func(key []byte, at int) (end int, err error)

// object decodes the object that begins at an offset, and returns where it
// ends.
func (p *pageDecoder) object(at int, field fieldFunc) (int, error) {
	if at = p.space(at + 1); p.is(at, '}') {
		return at + 1, nil
	}
	for {
		key, end, err := p.key(at)
		if err != nil {
			return 0, err
		}
		if at = p.space(end); !p.is(at, ':') {
			return 0, p.unexpected(at)
		}
		if end, err = field(key, p.space(at+1)); err != nil {
			return 0, err
		}
		switch at = p.space(end); {
		case p.is(at, ','):
			at = p.space(at + 1)
		case p.is(at, '}'):
			return at + 1, nil
		default:
			return 0, p.unexpected(at)
		}
	}
}

// key decodes the key at an offset, and returns where it ends.
func (p *pageDecoder) key(at int) ([]byte, int, error) {
	if !p.is(at, '"') {
		return nil, 0, p.unexpected(at)
	}
	end, err := p.valueEnd(at)
	if err != nil {
		return nil, 0, err
	}
	key := p.body[at+1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key, err = jx.DecodeBytes(p.body[at:end]).StrBytes()
	}
	return key, end, err
}

// valueEnd checks the value at an offset, and returns where it ends.
func (p *pageDecoder) valueEnd(at int) (int, error) {
	if at == len(p.body) {
		return 0, p.unexpected(at)
	}
	p.value.ResetBytes(p.body[at:])
	raw, err := p.value.Raw()
	if err != nil {
		return 0, fmt.Errorf("at byte %d: %w", at, err)
	}
	return at + len(raw), nil
}

// space returns the offset of what follows white space.
func (p *pageDecoder) space(at int) int {
	for at < len(p.body) && (p.body[at] == ' ' || p.body[at] == '\n' || p.body[at] == '\t' || p.body[at] == '\r') {
		at++
	}
	return at
}

// is tells whether there is a byte at an offset.
func (p *pageDecoder) is(at int, c byte) bool { return at < len(p.body) && p.body[at] == c }

// unexpected is the error of a byte that cannot be where it is.
func (p *pageDecoder) unexpected(at int) error {
	if at >= len(p.body) {
		return errors.New("the answer's JSON breaks off")
	}
	return fmt.Errorf("at byte %d: unexpected %q", at, p.body[at])
}
