package dcsapi

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Key signs requests: an access key with its secret, and for temporary keys
// the security token. It prints as "<key>" whatever the verb.
type Key struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string // "" for a permanent key
	ProjectID     string // the project that the source names beside the key, "" if none
}

// String hides the key.
func (Key) String() string { return "<key>" }

// Format hides the key from every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText hides the key from encoders.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// KeySource gives the key to sign with. Its methods may be called at the same
// time, return by the end of the context, and their errors hold no secret.
type KeySource interface {
	// Key returns the key to use now.
	Key(ctx context.Context) (Key, error)
	// Renew returns the key to use after used was refused: another one if
	// the source can have one, else used again, with an error if the source
	// has failed.
	Renew(ctx context.Context, used Key) (Key, error)
}

// KeyNews tells what has become of the key in use.
type KeyNews struct {
	Origin string    // where the key comes from, in words
	Ends   time.Time // when it ends, zero if it does not or that is not known
	Err    error     // why there is no other key although one was looked for; nil: this key is used from now on
}

// observable is a KeySource that has news.
type observable interface{ setObserver(f func(KeyNews)) }

// originer is a KeySource that can say where its key comes from.
type originer interface {
	// Origin names the place that the key in use comes from, such as a file
	// or a variable, never anything of the key. It is "" while there is none.
	Origin() string
}

// KeyOrigin says where the key in use comes from, in words and without
// anything of the key: "" while there is none, or if its source cannot tell.
func (c *Client) KeyOrigin() string {
	if o, ok := c.options.Keys.(originer); ok {
		return o.Origin()
	}
	return ""
}

// Secret is a value, or the name of a file that holds it. The file's content
// is used without the white space around it. It prints as "<secret>" whatever
// the verb.
type Secret struct {
	Value string
	File  string
}

// String hides the value.
func (Secret) String() string { return "<secret>" }

// Format hides the value from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// checkHeaderValue refuses what cannot be sent in a header.
func checkHeaderValue(value, name string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%s holds white space or other characters that no key has", name)
	}
	return nil
}
