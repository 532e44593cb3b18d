package dcsapi

import (
	"cmp"
	"crypto/sha256"
	"sync"
	"time"
)

// keyForget is how long an unused key is remembered.
const keyForget = time.Hour

// Keyring holds the circuit breaker of each key, for all clients that share it.
// The vendor locks a key after five refused requests in a row. To stay below that,
// as long as a key has not been accepted a Keyring lets one request at a time probe
// it, or up to three while those before are slow, and after a refusal no request
// uses the key for five minutes. A probe is slow after two seconds, or a quarter of
// the time that the next request has if that is less, and is cancelled after ten. Of
// an accepted key, four requests may be unanswered at a time. While none is answered
// at all, a further one is sent every two seconds: if such requests are refused in
// the end, there are more than five refusals.
//
// A key is identified by all of its parts, so that changed credentials are a new
// key; one that was not used for an hour is forgotten. The zero value is ready to
// use. A Keyring is safe for concurrent use.
type Keyring struct {
	probeTimeout time.Duration // default maxProbeTime; shorter in tests
	window       int           // default maxInFlight; larger in benchmarks

	mu       sync.Mutex
	breakers map[[sha256.Size]byte]*breaker
}

// breaker returns the breaker of a key.
func (r *Keyring) breaker(k Key) *breaker {
	id := sha256.Sum256([]byte(k.AccessKey + "\x00" + k.SecretKey + "\x00" + k.SecurityToken))
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.breakers[id]; b != nil {
		b.used = now
		return b
	}
	for id, b := range r.breakers {
		if now.Sub(b.used) > keyForget {
			delete(r.breakers, id)
		}
	}
	if r.breakers == nil {
		r.breakers = make(map[[sha256.Size]byte]*breaker)
	}
	b := &breaker{used: now, probeTimeout: cmp.Or(r.probeTimeout, maxProbeTime), window: cmp.Or(r.window, maxInFlight)}
	r.breakers[id] = b
	return b
}
