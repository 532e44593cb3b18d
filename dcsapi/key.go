package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
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

// redact replaces what is secret of the key in a server's text.
func (k Key) redact(s string) string {
	for _, secret := range []string{k.SecretKey, k.SecurityToken, k.AccessKey} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "<redacted>")
		}
	}
	return s
}

// KeySource gives the key to sign with. Its methods may be called at the same
// time, return by the end of the context, and their errors hold no secret.
type KeySource interface {
	// Key returns the key to use now.
	Key(ctx context.Context) (Key, error)
	// Renew returns the key to use after used was refused: another one if
	// the source can have one, else used again.
	Renew(ctx context.Context, used Key) (Key, error)
}

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

// maxSecretFile bounds what is read of a file that holds a secret.
const maxSecretFile = 64 << 10

// configuredKey is the key that the configuration names. Its files are read
// again when they change; while one of them cannot be read, the last key that
// was whole stays in use.
type configuredKey struct {
	access, secret, token Secret

	mu     sync.Mutex
	key    Key
	files  [3]fs.FileInfo // as they were when the key was read, nil where there is none
	loaded bool
}

// NewConfiguredKey returns the source for a key from the configuration; token
// may be the zero Secret.
func NewConfiguredKey(access, secret, token Secret) KeySource {
	return &configuredKey{access: access, secret: secret, token: token}
}

// Key implements KeySource.
func (c *configuredKey) Key(context.Context) (Key, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := c.stat()
	if err == nil && (!c.loaded || changed(c.files, files)) {
		var key Key
		if key, err = c.read(); err == nil {
			c.key, c.files, c.loaded = key, files, true
		}
	}
	if !c.loaded {
		return Key{}, &Error{Op: "read credentials", Reason: ReasonAuth, Err: err}
	}
	return c.key, nil
}

// Renew implements KeySource: all it can do is look at the files.
func (c *configuredKey) Renew(ctx context.Context, _ Key) (Key, error) { return c.Key(ctx) }

// Origin implements originer.
func (c *configuredKey) Origin() string {
	from := func(s Secret) string { return cmp.Or(s.File, "the configuration file") }
	access, secret := from(c.access), from(c.secret)
	text := access
	if access != secret {
		text = "access key from " + access + ", secret key from " + secret
	}
	if c.token != (Secret{}) && from(c.token) != text {
		text += ", security token from " + from(c.token)
	}
	return text
}

// stat looks at the files.
func (c *configuredKey) stat() (files [3]fs.FileInfo, err error) {
	for i, s := range []Secret{c.access, c.secret, c.token} {
		if s.File == "" {
			continue
		}
		if files[i], err = os.Stat(s.File); err != nil {
			return files, err
		}
	}
	return files, nil
}

// changed tells whether a file was written to, or is another one now.
func changed(before, now [3]fs.FileInfo) bool {
	for i, b := range before {
		if n := now[i]; b != nil && (!os.SameFile(b, n) || !b.ModTime().Equal(n.ModTime()) || b.Size() != n.Size()) {
			return true
		}
	}
	return false
}

func (c *configuredKey) read() (Key, error) {
	var k Key
	var errs []error
	for _, f := range []struct {
		to   *string
		from Secret
		name string
	}{
		{&k.AccessKey, c.access, "access key"},
		{&k.SecretKey, c.secret, "secret key"},
		{&k.SecurityToken, c.token, "security token"},
	} {
		value, err := f.from.read()
		if err == nil && value == "" && f.from != c.token {
			err = errors.New("it is empty")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
		}
		*f.to = value
	}
	return k, errors.Join(errs...)
}

// read returns the value, from the file if there is one.
func (s Secret) read() (string, error) {
	if s.File == "" {
		return s.Value, nil
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return "", err
	}
	if info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is larger than %d bytes", s.File, maxSecretFile)
	}
	b, err := os.ReadFile(s.File)
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(b))
	return value, checkHeaderValue(value, s.File)
}

// checkHeaderValue refuses what cannot be sent in a header.
func checkHeaderValue(value, name string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%s holds white space or other characters that no key has", name)
	}
	return nil
}
