package dcsapi

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// renewBefore is how long before its end a temporary key is renewed, as
	// in the vendor's SDK.
	renewBefore = 40 * time.Minute
	// renewalPause is how long a source is left alone that was asked for
	// another key while there is one: before the key's end, or because it
	// was refused.
	renewalPause = time.Minute
	// retryPause is how long the sources are left alone after they had no
	// key, and there is none to go on with.
	retryPause = 10 * time.Second
)

// defaultChain is the SDK's chain of sources. They take no context, so that
// they are asked in the background, by one goroutine at a time. The source
// that gave the first key gives all others: the identity never changes.
type defaultChain struct {
	sources []source

	mu      sync.Mutex
	observe func(KeyNews)
	held    sourcedKey    // zero before the first
	loading chan struct{} // closed when the loading under way has ended, nil for none
	asking  string        // the source that is being asked
	asked   time.Time     // when the last loading ended
	refused time.Time     // when one was last begun because the key was refused
	err     error         // how the last loading ended
}

// sourcedKey is a key with what its source says about it.
type sourcedKey struct {
	Key
	source *source
	ends   time.Time // zero for a permanent key
}

// NewDefaultChain returns the source that the vendor's SDK uses where no key
// is configured. It tries, in this order, the environment (HUAWEICLOUD_SDK_AK
// and _SK, or HUAWEICLOUD_SDK_IDP_ID and _ID_TOKEN_FILE), CLOUD_SDK_AK and
// CLOUD_SDK_SK as in the vendor's samples, the profile file, the agency of the
// machine and the identity of the pod. A temporary key is renewed in the
// background when it has less than 40 minutes left. transport is used to reach
// IAM at iamEndpoint for an identity token; nil stands for the default. If
// iamEndpoint is "", only the profile can say where IAM is: an identity token
// is never sent to a host that was guessed.
func NewDefaultChain(iamEndpoint string, transport *http.Transport) KeySource {
	return &defaultChain{sources: newSources(iamEndpoint, transport), observe: func(KeyNews) {}}
}

func (c *defaultChain) setObserver(f func(KeyNews)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observe = f
}

// Key implements KeySource. A key that is valid is never waited for.
func (c *defaultChain) Key(ctx context.Context) (Key, error) {
	c.mu.Lock()
	now := time.Now()
	switch {
	case c.valid(now):
		defer c.mu.Unlock()
		if !c.held.ends.IsZero() && c.held.ends.Sub(now) < renewBefore && c.loading == nil && now.Sub(c.asked) >= renewalPause {
			c.start()
		}
		return c.held.Key, nil
	case c.loading != nil:
	case c.err != nil && now.Sub(c.asked) < retryPause:
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
	return c.held.Key, nil
}

// Renew implements KeySource. It waits for a new key, and asks for one at most
// once in renewalPause.
func (c *defaultChain) Renew(ctx context.Context, used Key) (Key, error) {
	c.mu.Lock()
	if c.held.Key == used && c.loading == nil && time.Since(c.refused) >= renewalPause {
		c.refused = time.Now()
		c.start()
	}
	done := c.loading
	if c.held.Key != used {
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
	if c.held.Key != used {
		return c.held.Key, nil
	}
	return used, c.err
}

// Origin implements originer.
func (c *defaultChain) Origin() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.source == nil {
		return ""
	}
	return c.held.source.name
}

// valid tells whether there is a key that has not ended; c.mu is held.
func (c *defaultChain) valid(now time.Time) bool {
	return c.held.source != nil && (c.held.ends.IsZero() || now.Before(c.held.ends))
}

// failure says why there is no valid key; c.mu is held.
func (c *defaultChain) failure() error {
	if c.held.source == nil {
		return c.err
	}
	message := "the temporary key ended at " + c.held.ends.UTC().Format(time.RFC3339) + " and could not be renewed"
	if c.err != nil {
		message += ": " + c.err.Error()
	}
	return &Error{Op: "get credentials", Reason: ReasonAuth, Message: message}
}

// wait waits for the end of a loading.
func (c *defaultChain) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Error{Op: "get credentials", Reason: ReasonTimeout, Message: c.asking + ": no answer before the deadline"}
}

// start begins a loading in the background; c.mu is held.
func (c *defaultChain) start() {
	done := make(chan struct{})
	c.loading = done
	go func() {
		defer close(done)
		key, err := c.load()
		c.mu.Lock()
		had, failed := c.held, c.err != nil
		c.asked, c.err, c.loading = time.Now(), err, nil
		if err == nil {
			c.held = key
		}
		now, observe := c.held, c.observe
		c.mu.Unlock()
		if now.source != nil && (err != nil || failed || had != now) {
			observe(KeyNews{Origin: now.source.name, Ends: now.ends, Err: err})
		}
	}()
}

// load asks the sources in their order, or the one that gave the key in use.
func (c *defaultChain) load() (sourcedKey, error) {
	c.mu.Lock()
	only := c.held.source
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
		case found, s == only:
			return sourcedKey{}, &Error{Op: "get credentials", Reason: ReasonAuth, Message: s.name + ": " + err.Error()}
		}
		tried = append(tried, s.name+": "+err.Error())
	}
	return sourcedKey{}, noSource(tried)
}
