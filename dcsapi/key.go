package dcsapi

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Key is what requests are signed with: an access key with its secret, and for
// a temporary key the security token. It prints as "<key>" with every verb.
type Key struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string // "" for a permanent key
	ProjectID     string // the project that the source names along with the key, "" if none
}

// String returns "<key>".
func (Key) String() string { return "<key>" }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText implements encoding.TextMarshaler.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// KeySource provides the key to sign with. It must be safe for concurrent use,
// its methods must return when the context ends, and its errors must not contain
// a secret.
type KeySource interface {
	// Key returns the key to use now. It is called for each request.
	Key(ctx context.Context) (Key, error)
	// Renew returns the key to use after used was refused: another one if the
	// source has one, else used again, with an error if the source has failed.
	Renew(ctx context.Context, used Key) (Key, error)
}

// keyReporter is a KeySource that can say where its keys come from. Those of
// this package are.
type keyReporter interface {
	// Origin names the place that the key in use comes from, such as a file or
	// a variable, never a part of the key. It is "" while there is no key.
	Origin() string
	// reportTo sets the function that is called for each KeyEvent.
	reportTo(func(KeyEvent))
}

// KeyOrigin returns where the key in use comes from, in words and without any
// part of the key. It returns "" while there is no key, and for a KeySource
// from outside of this package.
func (c *Client) KeyOrigin() string {
	if source, ok := c.options.Keys.(keyReporter); ok {
		return source.Origin()
	}
	return ""
}

// Secret is a value, or, if File is not "", the name of a file that holds it,
// surrounding white space excepted. It prints as "<secret>" with every verb.
type Secret struct {
	Value string
	File  string
}

// String returns "<secret>".
func (Secret) String() string { return "<secret>" }

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// IsHeaderValue reports whether a part of a key can be sent in a header: whether
// it consists of printable ASCII characters other than the space.
func IsHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// checkHeaderValue returns an error if a part of a key cannot be sent.
func checkHeaderValue(value, name string) error {
	if !IsHeaderValue(value) {
		return fmt.Errorf("%s holds white space or other characters that no key has", name)
	}
	return nil
}
