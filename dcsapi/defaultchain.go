package dcsapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// renewBefore is how long before its expiry a temporary key is renewed, as in
	// the vendor's SDK.
	renewBefore = 40 * time.Minute
	// renewalPause is the least time between two requests for a replacement of a
	// valid key.
	renewalPause = time.Minute
	// retryPause is the least time between two requests for a key while there is
	// none.
	retryPause = 10 * time.Second
)

// defaultChain is the SDK's chain of sources. Sources take no context, so they
// are loaded in the background, by one goroutine at a time. The source of the
// first key is the source of all later ones: the identity never changes.
type defaultChain struct {
	sources []source

	mu      sync.Mutex
	report  func(KeyEvent)
	current sourcedKey    // zero before the first
	loading chan struct{} // closed when the load under way ends, nil if there is none
	asking  string        // the source that is being loaded
	loaded  time.Time     // when the last load ended
	refused time.Time     // when a load last began because the key was refused
	err     error         // of the last load
}

// sourcedKey is a key with its source and expiry.
type sourcedKey struct {
	Key
	source *source
	ends   time.Time // zero for a permanent key
}

// NewDefaultChain returns the source that the vendor's SDK uses if no key is
// configured, with some more places. It tries, in this order, the environment
// (HUAWEICLOUD_SDK_AK and _SK, or HUAWEICLOUD_SDK_IDP_ID and _ID_TOKEN_FILE),
// CLOUD_SDK_AK and CLOUD_SDK_SK as in the vendor's samples, HW_ACCESS_KEY,
// HW_SECRET_KEY and HW_SECURITY_TOKEN as in the vendor's Terraform provider, the
// SDK's profile file, the current profile of KooCLI unless it is encrypted, the
// agency of the machine and the identity of the pod. Where the first key was found,
// all later ones are looked for.
//
// Key waits only while there is no valid key: a temporary key is renewed in the
// background 40 minutes before it expires. An identity token is exchanged for a
// key at iamEndpoint by means of transport, or of a default one if that is nil.
// If iamEndpoint is "", it is exchanged only where the profile names IAM's
// endpoint: an identity token is never sent to a guessed host.
func NewDefaultChain(iamEndpoint string, transport *http.Transport) KeySource {
	return &defaultChain{sources: newSources(iamEndpoint, transport), report: func(KeyEvent) {}}
}

// reportTo implements keyReporter.
func (c *defaultChain) reportTo(f func(KeyEvent)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report = f
}

// Key implements KeySource. It does not block while there is a valid key.
func (c *defaultChain) Key(ctx context.Context) (Key, error) {
	c.mu.Lock()
	now := time.Now()
	switch {
	case c.valid(now):
		defer c.mu.Unlock()
		if !c.current.ends.IsZero() && c.current.ends.Sub(now) < renewBefore && c.loading == nil && now.Sub(c.loaded) >= renewalPause {
			c.start()
		}
		return c.current.Key, nil
	case c.loading != nil:
	case c.err != nil && now.Sub(c.loaded) < retryPause:
		defer c.mu.Unlock()
		return Key{}, c.failure()
	default:
		c.start()
	}
	done := c.loading
	c.mu.Unlock()
	if err := c.wait(ctx, done); err != nil {
		return Key{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.valid(time.Now()) {
		return Key{}, c.failure()
	}
	return c.current.Key, nil
}

// Renew implements KeySource. It waits for a load under way, and begins one at
// most once in renewalPause.
func (c *defaultChain) Renew(ctx context.Context, used Key) (Key, error) {
	c.mu.Lock()
	if c.current.Key == used && c.loading == nil && time.Since(c.refused) >= renewalPause {
		c.refused = time.Now()
		c.start()
	}
	done := c.loading
	if c.current.Key != used {
		done = nil
	}
	c.mu.Unlock()
	if done != nil {
		if err := c.wait(ctx, done); err != nil {
			return used, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.Key != used {
		return c.current.Key, nil
	}
	return used, c.err
}

// Origin implements keyReporter.
func (c *defaultChain) Origin() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.source == nil {
		return ""
	}
	return c.current.source.name
}

// valid reports whether there is a key that has not expired; c.mu must be held.
func (c *defaultChain) valid(now time.Time) bool {
	return c.current.source != nil && (c.current.ends.IsZero() || now.Before(c.current.ends))
}

// failure returns why there is no valid key; c.mu must be held.
func (c *defaultChain) failure() error {
	if c.current.source == nil {
		return c.err
	}
	message := "the temporary key expired at " + c.current.ends.UTC().Format(time.RFC3339) + " and could not be renewed"
	if c.err != nil {
		message += ": " + c.err.Error()
	}
	return &Error{Op: "get credentials", Reason: ReasonAuth, Message: message}
}

// wait waits for the end of a load.
func (c *defaultChain) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Error{Op: "get credentials", Reason: ReasonTimeout, Message: c.asking + ": " + noResponse}
}

// start begins a load in the background; c.mu must be held.
func (c *defaultChain) start() {
	done := make(chan struct{})
	c.loading = done
	go func() {
		defer close(done)
		key, err := c.load()
		c.mu.Lock()
		before, failed := c.current, c.err != nil
		c.loaded, c.err, c.loading = time.Now(), err, nil
		if err == nil {
			c.current = key
		}
		now, report := c.current, c.report
		c.mu.Unlock()
		if now.source != nil && (err != nil || failed || before != now) {
			report(KeyEvent{Origin: now.source.name, Ends: now.ends, Err: err})
		}
	}()
}

// load returns a key of the first source that has one, or of the source of the
// key in use.
func (c *defaultChain) load() (sourcedKey, error) {
	c.mu.Lock()
	only := c.current.source
	c.mu.Unlock()
	var tried []string
	for i := range c.sources {
		s := &c.sources[i]
		if only != nil && s != only {
			continue
		}
		c.mu.Lock()
		c.asking = s.name
		c.mu.Unlock()
		key, found, err := s.key()
		switch {
		case err == nil:
			return key, nil
		case found || s == only:
			return sourcedKey{}, sourceFailed(s.name, err)
		}
		tried = append(tried, s.name+": "+err.Error())
	}
	return sourcedKey{}, &Error{
		Op: "get credentials", Reason: ReasonAuth,
		Message: "no key was found: set credentials in the configuration, or one of the sources that were tried. " + strings.Join(tried, "; "),
	}
}
