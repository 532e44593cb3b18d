package emulator

import (
	"net/http"
	"time"
)

const (
	maxFailures = 5 // consecutive failures; another one locks the key
	lockTime    = 5 * time.Minute
)

// keyState is a key with the state of its lock.
type keyState struct {
	Key
	failures int
	locked   time.Time // until then
}

// authorize checks a request's signature against the received bytes. It returns
// the key, or why the request is refused. s.mu must be held.
func (s *Server) authorize(r *http.Request, body []byte) (Key, string) {
	a, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return Key{}, "Incorrect IAM authentication information: the Authorization header is missing or malformed"
	}
	k := s.keys[a.access]
	if k == nil {
		return Key{}, "Incorrect IAM authentication information: no such access key"
	}
	now := s.now()
	if now.Before(k.locked) {
		return Key{}, "Incorrect IAM authentication information: the access key is locked"
	}
	if why := verify(r, body, a, k.Key, now); why != "" {
		if k.failures++; k.failures > maxFailures {
			k.failures, k.locked = 0, now.Add(lockTime)
		}
		return Key{}, "Incorrect IAM authentication information: " + why
	}
	k.failures = 0
	return k.Key, ""
}
