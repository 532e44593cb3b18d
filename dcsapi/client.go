// Package dcsapi is a client for the parts of the Huawei Cloud DCS API that
// concern client sessions: lists of sessions and the scans that produce them,
// instances, nodes, and the ids of projects.
//
// A Client makes requests on behalf of one project, with methods such as
// ListClients. It promises that
//
//   - every method returns by the deadline of its context;
//   - every error of a method is an *Error, with a Reason for metrics and words
//     for people, and contains no secret;
//   - the configured limits of rate and concurrency hold, throttling is obeyed,
//     and the key is protected from being locked after repeated refusals;
//   - responses are untrusted: whatever a server sends, memory is bounded, and a
//     malformed element of a list costs only itself.
//
// The package never logs and knows no metrics: it reports to an Observer. It
// follows no redirect, sends a scan at most once, and keeps nothing on disk.
//
// Source files: the operations are in clients.go, instances.go, nodes.go,
// project.go, limits.go and flavor.go. All of them pass through the concerns that
// newHandler lists in handler.go, in the order explained there; the last is
// exchange.go. Responses are decoded in page.go for sessions and in object.go and
// element.go for everything else. key.go says what a source of keys is; there are
// those of configuredkey.go, defaultchain.go and assume.go. Errors are in errors.go,
// what a context can ask for in sendby.go and background.go, reports of the client's
// work in observer.go and trace.go, and the vendor's endpoints in region.go.
package dcsapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Options configure a Client.
type Options struct {
	Region      string // such as "cn-north-4"
	Endpoint    string // base URL of the DCS API
	IAMEndpoint string // base URL of IAM; if "", nothing is sent to IAM
	ProjectID   string // default: from the key's source, else from IAM; see Client.ProjectID

	Keys    KeySource // provides the key to sign with; must not be nil
	Keyring *Keyring  // protects keys; should be shared by all clients of a process. Default: one of its own

	Proxy func(*http.Request) (*url.URL, error) // nil for none
	TLS   *tls.Config                           // nil for the defaults

	// Wrap returns a transport around the client's own, which sees all requests
	// as they are sent, with their signatures. nil for none.
	Wrap func(http.RoundTripper) http.RoundTripper

	MaxConcurrentRequests int     // bounds the requests in flight, without those of InBackground; default 8
	RequestsPerSecond     float64 // default 20
	UserAgent             string

	Observer Observer // default: nothing is reported
}

// Client calls the DCS API for one project. It limits the rate and concurrency of
// its requests, retries those that may succeed, holds off while the project is
// throttled, and protects its key from being locked. It is made by New, and is
// safe for concurrent use.
type Client struct {
	options   Options
	http      *http.Client
	handle    handler // carries out each request, see newHandler
	limiter   *adaptiveLimiter
	slots     *slots
	inFlight  atomic.Int64
	throttle  throttle
	breaker   atomic.Pointer[breaker] // of the key that was used last
	project   projectIDCache
	spellings spellings
	secrets   secrets
}

// New returns a client. It sends nothing until a method is called.
func New(o Options) *Client {
	if o.MaxConcurrentRequests <= 0 {
		o.MaxConcurrentRequests = 8
	}
	if o.RequestsPerSecond <= 0 {
		o.RequestsPerSecond = 20
	}
	if o.Keyring == nil {
		o.Keyring = new(Keyring)
	}
	if o.Wrap == nil {
		o.Wrap = func(t http.RoundTripper) http.RoundTripper { return t }
	}
	o.Observer = o.Observer.orNothing()
	if source, ok := o.Keys.(keyReporter); ok && o.Observer.Key != nil {
		source.reportTo(o.Observer.Key)
	}
	c := &Client{
		options: o,
		http: &http.Client{
			Transport: o.Wrap(NewTransport(o.Proxy, o.TLS, o.MaxConcurrentRequests)),
			// A redirect would send the signature to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		limiter: newAdaptiveLimiter(o.RequestsPerSecond),
		slots:   newSlots(o.MaxConcurrentRequests),
		project: projectIDCache{id: o.ProjectID, turn: make(chan struct{}, 1)},
		secrets: secrets{proxies: proxySecrets(o.Proxy, o.Endpoint, o.IAMEndpoint)},
	}
	c.handle = c.newHandler()
	return c
}

// Close closes idle connections. It ends no requests, and the client can still be
// used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Capacity returns how many more requests the rate limit, as throttling has left it,
// allows until a time. It is less than 1, and may be negative, if requests that wait
// already use it up. It takes no account of a hold-off.
func (c *Client) Capacity(until time.Time) float64 {
	return c.limiter.Tokens() + float64(c.limiter.Limit())*max(0, time.Until(until).Seconds())
}

// InFlight returns the number of requests that have been sent and not answered, or
// whose answers have not been decoded yet.
func (c *Client) InFlight() int { return int(c.inFlight.Load()) }

// HoldOffRemaining returns how long requests are still held off, because the API
// throttles the project or has refused the key that was used last: 0 if they are not.
func (c *Client) HoldOffRemaining() time.Duration {
	remaining := c.throttle.remaining()
	if breaker := c.breaker.Load(); breaker != nil {
		remaining = max(remaining, breaker.remaining())
	}
	return remaining
}

// HoldOffError returns, while the API throttles the project, the error of a request
// whose deadline is before the end of the hold-off: an *Error with ReasonThrottled
// and without Op. It returns nil otherwise, even if the key was refused, which
// HoldOffRemaining includes.
func (c *Client) HoldOffError() error {
	if remaining := c.throttle.remaining(); remaining > 0 {
		return throttledFor(remaining)
	}
	return nil
}

// Region returns Options.Region.
func (c *Client) Region() string { return c.options.Region }

// NewTransport returns a transport as clients use it: it keeps as many idle
// connections to a host as requests may be in flight, asks for compression, and
// uses a proxy of the environment only if proxy returns it.
func NewTransport(proxy func(*http.Request) (*url.URL, error), tlsConfig *tls.Config, connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: checkConnect,
		TLSClientConfig:        tlsConfig.Clone(), // net/http modifies it
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * connections, // DCS and IAM
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// checkConnect returns an error if a proxy refuses a CONNECT request.
func checkConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{resp.StatusCode}
}
