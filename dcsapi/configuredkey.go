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

// MaxSecretFile is the size in bytes up to which a file that holds a secret is
// read.
const MaxSecretFile = 64 << 10

// configuredKey is a key from the configuration. Its files are read for each
// request, since their content may change while names, times and sizes do not.
// While they are incomplete the last key stays in use, and so it does while only
// a part of the key has changed: files are replaced one after the other, and
// parts of different keys must not be combined.
type configuredKey struct {
	access, secret, token Secret

	files file.Reader
	turn  chan struct{} // holds an element while the files are read

	mu       sync.Mutex
	report   func(KeyEvent)
	key      Key
	loaded   bool
	reported string // the problem with the files that was reported last, "" for none
}

// NewConfiguredKey returns the source of a key from the configuration. token is
// the zero Secret for a permanent key. Files are read for each request. While they
// cannot be read, or only a part of the key has changed, the last key stays in use.
func NewConfiguredKey(access, secret, token Secret) KeySource {
	return &configuredKey{access: access, secret: secret, token: token, turn: make(chan struct{}, 1), report: func(KeyEvent) {}}
}

// reportTo implements keyReporter.
func (c *configuredKey) reportTo(f func(KeyEvent)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report = f
}

// Key implements KeySource.
func (c *configuredKey) Key(ctx context.Context) (Key, error) {
	key, loaded, err := c.look(ctx, Key{})
	if !loaded {
		return Key{}, keyFileError(err)
	}
	return key, nil
}

// Renew implements KeySource: it uses what the files hold, even if only a part
// of the key has changed.
func (c *configuredKey) Renew(ctx context.Context, used Key) (Key, error) {
	key, _, err := c.look(ctx, used)
	if err != nil && key == used {
		return used, keyFileError(err)
	}
	return key, nil
}

// keyFileError returns the error of files that do not hold a key.
func keyFileError(err error) error {
	reason := ReasonAuth
	if ReasonOf(err) == ReasonTimeout {
		reason = ReasonTimeout
	}
	return &Error{Op: "read credentials", Reason: reason, Err: err}
}

// look reads the files and returns the key to use, whether there is one, and
// what is wrong with the files. refused is a key that was refused, the zero Key
// for none. c.mu is not held while files are read.
func (c *configuredKey) look(ctx context.Context, refused Key) (key Key, loaded bool, err error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.key, c.loaded, ctx.Err()
	}
	found, err := c.read(ctx)
	key, loaded, report := c.choose(found, err, refused)
	<-c.turn
	report()
	return key, loaded, err
}

// choose returns the key to use after files were read, whether there is one, and
// what reports the change; that must be called without locks.
func (c *configuredKey) choose(found Key, err error, refused Key) (key Key, loaded bool, report func()) {
	report = func() {}
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return c.key, c.loaded, report // nothing is known of the files
	}
	problem := err
	replaced := false
	switch {
	case err != nil || found == c.key:
	case !c.loaded, c.key == refused, len(c.kept(found)) == 0:
		replaced = c.loaded
		c.key, c.loaded = found, true
	default:
		problem = errors.New("only a part of the key has changed, not the " + strings.Join(c.kept(found), " nor the ") + ": the key before is used until the rest has changed too, or until it is refused")
	}
	text := ""
	if problem != nil {
		text = problem.Error()
	}
	if c.loaded && (replaced || text != c.reported) {
		f, event := c.report, KeyEvent{Origin: c.Origin(), Err: problem}
		report = func() { f(event) }
	}
	c.reported = text
	return c.key, c.loaded, report
}

// parts returns the parts of a key with where each comes from and where k has it.
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

// kept returns the names of the parts from files that are the same in another
// key as in the one in use.
func (c *configuredKey) kept(other Key) (names []string) {
	others := c.parts(&other)
	for i, p := range c.parts(&c.key) {
		if p.from.File != "" && *p.value == *others[i].value {
			names = append(names, p.name)
		}
	}
	return names
}

// Origin implements keyReporter.
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

// readSecretFile returns the content of a file without surrounding white space.
// If there is no such file its error does not contain the name: that may be the
// secret itself.
func readSecretFile(ctx context.Context, files *file.Reader, path string) (string, error) {
	content, err := files.Read(ctx, path, MaxSecretFile)
	switch {
	case errors.Is(err, file.ErrTooLarge):
		return "", fmt.Errorf("%s is larger than %d bytes", path, MaxSecretFile)
	case errors.Is(err, file.ErrNotRegular):
		return "", fmt.Errorf("%s %w", path, err)
	case ReasonOf(err) == ReasonTimeout:
		return "", err
	case err != nil:
		return "", errors.New("its file " + cmp.Or(fileProblem(err), "cannot be read"))
	}
	value := strings.TrimSpace(strings.TrimPrefix(string(content), "\uFEFF"))
	if value == "" {
		return "", errors.New(path + " is empty")
	}
	return value, nil
}
