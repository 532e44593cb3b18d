package dcsapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxSecretKeys is how many of the keys used last are redacted.
const maxSecretKeys = 4

// secrets are the secrets of a client: those of its proxies, and the keys used
// last, since an error may be about a response to an earlier key. It is safe
// for concurrent use.
type secrets struct {
	proxies []string

	mu      sync.Mutex
	keys    []Key // the newest last
	current *redactor
	inData  *redactor // of the keys only
}

// add adds a key. It must be called before the key is used.
func (s *secrets) add(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.keys, k) {
		return
	}
	if s.keys = append(s.keys, k); len(s.keys) > maxSecretKeys {
		s.keys = s.keys[1:]
	}
	var texts []string
	for _, k := range s.keys {
		for _, secret := range []string{k.AccessKey, k.SecretKey, k.SecurityToken} {
			texts = append(texts, secret, url.QueryEscape(secret))
		}
	}
	s.current = newRedactor(s.proxies...)
	s.current.next = newRedactor(texts...)
	data := *s.current.next
	data.words = nil
	s.inData = &data
}

// redactor returns the redactor of all of them.
func (s *secrets) redactor() *redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		s.current = newRedactor(s.proxies...)
	}
	return s.current
}

// dataRedactor returns the redactor of keys in names and other values that the API
// gives. The proxies' secrets are left out, because only a proxy is sent them, and
// so are short secrets, which may be words of a name.
func (s *secrets) dataRedactor() *redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inData
}

// redactorWith returns the redactor of all of them and one more.
func (s *secrets) redactorWith(secret string) *redactor {
	r := newRedactor(secret)
	r.next = s.redactor()
	return r
}

// withRedaction removes secrets from every error, as the last thing before it
// leaves the client.
func (c *Client) withRedaction(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		if err := next(ctx, r); err != nil {
			return c.secrets.redactor().redactError(err)
		}
		return nil
	}
}

// proxySecrets returns the user names and passwords of the proxies for the
// endpoints, in all forms in which they are sent or written.
func proxySecrets(proxy func(*http.Request) (*url.URL, error), endpoints ...string) (out []string) {
	for _, endpoint := range endpoints {
		u, err := url.Parse(endpoint)
		if err != nil || proxy == nil {
			continue
		}
		at, err := proxy(&http.Request{URL: u, Host: u.Host, Header: http.Header{}})
		if err != nil || at == nil || at.User == nil {
			continue
		}
		password, _ := at.User.Password()
		pair := at.User.Username() + ":" + password
		out = append(out, pair, at.User.String(), base64.StdEncoding.EncodeToString([]byte(pair)))
		for _, part := range []string{at.User.Username(), password} {
			if len(part) >= partLen || part == password {
				out = append(out, part, url.QueryEscape(part), url.PathEscape(part))
			}
		}
	}
	return out
}

// signature returns the signature of a request. It is a secret: whoever has it
// can send the request again.
func signature(req *http.Request) string {
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	return signature
}
