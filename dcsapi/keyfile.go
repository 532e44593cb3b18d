package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"dcs_session_exporter/internal/file"
)

// maxSecretFile bounds what is read of a file that holds a secret.
const maxSecretFile = 64 << 10

// configuredKey is the key that the configuration names. Its files are read
// for each request: names, times and sizes may stay as they are when the
// content changes. While they are not whole the last key stays in use, and
// also while only a part of it has changed: files are replaced one after the
// other, and no part of a key goes with those of another.
type configuredKey struct {
	access, secret, token Secret

	files file.Reader
	turn  chan struct{} // holds an element while the files are read

	mu      sync.Mutex
	observe func(KeyNews)
	key     Key
	loaded  bool
	trouble string // what was last told of the files, "" for nothing
}

// NewConfiguredKey returns the source for a key from the configuration; token
// may be the zero Secret.
func NewConfiguredKey(access, secret, token Secret) KeySource {
	return &configuredKey{access: access, secret: secret, token: token, turn: make(chan struct{}, 1), observe: func(KeyNews) {}}
}

func (c *configuredKey) setObserver(f func(KeyNews)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observe = f
}

// Key implements KeySource.
func (c *configuredKey) Key(ctx context.Context) (Key, error) {
	key, loaded, err := c.look(ctx, Key{})
	if !loaded {
		return Key{}, keyFileError(err)
	}
	return key, nil
}

// Renew implements KeySource: all it can do is look at the files. What they
// hold is used then, whole or not.
func (c *configuredKey) Renew(ctx context.Context, used Key) (Key, error) {
	key, _, err := c.look(ctx, used)
	if err != nil && key == used {
		return used, keyFileError(err)
	}
	return key, nil
}

// keyFileError is the error of files that hold no key.
func keyFileError(err error) error {
	reason := ReasonAuth
	if ReasonOf(err) == ReasonTimeout {
		reason = ReasonTimeout
	}
	return &Error{Op: "read credentials", Reason: reason, Err: err}
}

// look reads the files and returns the key to use, whether there is one, and
// what is wrong with the files. refused is the key that was refused, the zero
// Key for none. Files are waited for outside of the lock, and not for long.
func (c *configuredKey) look(ctx context.Context, refused Key) (key Key, loaded bool, err error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.key, c.loaded, ctx.Err()
	}
	found, err := c.read(ctx)
	key, loaded, news := c.choose(found, err, refused)
	<-c.turn
	if news != nil {
		news()
	}
	return key, loaded, err
}

// choose returns the key to use, given what was read of the files: whether
// there is one, and what tells the news, nil if there are none.
func (c *configuredKey) choose(found Key, err error, refused Key) (key Key, loaded bool, news func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return c.key, c.loaded, nil // nothing is wrong with the files
	}
	trouble := err
	replaced := false
	switch {
	case err != nil || found == c.key:
	case !c.loaded, c.key == refused, len(c.kept(found)) == 0:
		replaced = c.loaded
		c.key, c.loaded = found, true
	default:
		trouble = errors.New("only a part of the key has changed, not the " + strings.Join(c.kept(found), " nor the ") + ": the key before is used until the rest has changed too, or until it is refused")
	}
	text := ""
	if trouble != nil {
		text = trouble.Error()
	}
	if c.loaded && (replaced || text != c.trouble) {
		observe, n := c.observe, KeyNews{Origin: c.Origin(), Err: trouble}
		news = func() { observe(n) }
	}
	c.trouble = text
	return c.key, c.loaded, news
}

// parts are the parts of the key with their places; those of k are set.
func (c *configuredKey) parts(k *Key) []keyPart {
	return []keyPart{
		{"access key", c.access, &k.AccessKey},
		{"secret key", c.secret, &k.SecretKey},
		{"security token", c.token, &k.SecurityToken},
	}
}

type keyPart struct {
	name  string
	from  Secret
	value *string
}

// kept names the parts from files that are the same in another key as in the
// one in use.
func (c *configuredKey) kept(other Key) (names []string) {
	others := c.parts(&other)
	for i, p := range c.parts(&c.key) {
		if p.from.File != "" && *p.value == *others[i].value {
			names = append(names, p.name)
		}
	}
	return names
}

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

// read reads each part once.
func (c *configuredKey) read(ctx context.Context) (Key, error) {
	var k Key
	var err error
	for _, p := range c.parts(&k) {
		value, failed := p.from.read(ctx, &c.files)
		*p.value = value
		switch {
		case failed != nil && err != nil:
			err = fmt.Errorf("%w; %s: %w", err, p.name, failed)
		case failed != nil:
			err = fmt.Errorf("%s: %w", p.name, failed)
		}
	}
	return k, err
}

// read returns the value, from the file if there is one.
func (s Secret) read(ctx context.Context, files *file.Reader) (string, error) {
	if s.File == "" {
		return s.Value, nil
	}
	value, err := readSecretFile(ctx, files, s.File)
	if err != nil {
		return "", err
	}
	return value, checkHeaderValue(value, s.File)
}

// readSecretFile returns the content of a file without the white space around
// it. Its errors do not repeat a name that is none of a file: it may be the
// secret.
func readSecretFile(ctx context.Context, files *file.Reader, path string) (string, error) {
	content, err := files.Read(ctx, path, maxSecretFile)
	switch {
	case errors.Is(err, file.ErrTooLarge):
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	case errors.Is(err, file.ErrNotRegular):
		return "", fmt.Errorf("%s %w", path, err)
	case errors.Is(err, file.ErrLate):
		return "", fmt.Errorf("its file %w", err)
	case ReasonOf(err) == ReasonTimeout:
		return "", err
	case err != nil:
		return "", errors.New("its file " + cmp.Or(fileTrouble(err), "cannot be read"))
	}
	value := strings.TrimSpace(strings.TrimPrefix(string(content), "\uFEFF"))
	if value == "" {
		return "", errors.New(path + " is empty")
	}
	return value, nil
}
