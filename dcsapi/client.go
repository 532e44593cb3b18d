// Package dcsapi is a client for what the Huawei Cloud DCS API tells about
// client sessions: session lists and the scans that take them, instances,
// nodes, and the project's id.
//
// A request's way: its operation (clients.go, instances.go, project.go),
// repetition and limits (do.go, throttle.go), the rule about keys (keygate.go,
// inflight.go), the key (key.go, keyfile.go, chain.go), the signature (sign.go),
// the network (send.go, resend.go), the answer (page.go, answer.go, errors.go).
// No error repeats a secret (secrets.go).
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

// Options say which project a Client talks to, as whom, and how hard.
type Options struct {
	Region      string // such as "cn-north-4"
	Endpoint    string // base URL of the DCS API
	IAMEndpoint string // base URL of IAM; "" if it is not known: nothing is sent to IAM then
	ProjectID   string // "" to take it from the key's source, else from IAM

	Keys    KeySource // where the key comes from
	Keyring *Keyring  // the rule about keys; shared by all clients of a process

	Proxy func(*http.Request) (*url.URL, error) // nil for none
	TLS   *tls.Config                           // nil for the defaults

	MaxConcurrentRequests int     // requests in flight at once; default 8
	RequestsPerSecond     float64 // default 20
	UserAgent             string

	// Observe, if set, is called after each request that was sent: with the
	// operation, the HTTP status or "error", and how long it took to the end
	// of its answer.
	Observe func(operation, code string, took time.Duration)
	// ObserveWait, if set, is called each time that a request has waited for
	// the rate limit, whether or not it was sent then.
	ObserveWait func(waited time.Duration)
	// ObserveDate, if set, is called after each answer that has a Date header:
	// with the operation, the header, and how long the answer took from there
	// being a connection to its header.
	ObserveDate func(operation string, date time.Time, took time.Duration)
	// ObserveKey, if set, is called when another key comes into use, and when
	// none could be had although one was looked for. A key from the
	// configuration's text is never news.
	ObserveKey func(KeyNews)
	// ObserveOddity, if set, is called when something in an answer does not
	// have the form that the API documents, and what remains of the answer is
	// used: with the operation, and what is odd in the API's terms. It is called
	// for the same oddity each time that it is met.
	ObserveOddity func(operation, text string)
}

// Client calls the DCS API for one project. It limits the rate and the number
// of its requests, repeats those that may succeed later, holds off when it is
// throttled and keeps to the rule about keys. All its methods may be called at
// the same time. It is made by New.
type Client struct {
	options   Options
	http      *http.Client
	pace      *pace
	slots     *slots
	inFlight  atomic.Int64
	throttle  throttle
	project   projectID
	spellings spellings
	secrets   secrets
	gate      atomic.Pointer[keyGate] // of the key that was used last
}

// New returns a client. Nothing is sent before its first call.
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
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	if o.ObserveWait == nil {
		o.ObserveWait = func(time.Duration) {}
	}
	if o.ObserveDate == nil {
		o.ObserveDate = func(string, time.Time, time.Duration) {}
	}
	if o.ObserveOddity == nil {
		o.ObserveOddity = func(string, string) {}
	}
	if keys, ok := o.Keys.(observable); ok && o.ObserveKey != nil {
		keys.setObserver(o.ObserveKey)
	}
	return &Client{
		options: o,
		http: &http.Client{
			Transport: NewTransport(o.Proxy, o.TLS, o.MaxConcurrentRequests),
			// A redirect would take the signature elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pace:    newPace(o.RequestsPerSecond),
		slots:   newSlots(o.MaxConcurrentRequests),
		project: projectID{known: o.ProjectID, turn: make(chan struct{}, 1)},
		secrets: secrets{proxies: proxySecrets(o.Proxy, o.Endpoint, o.IAMEndpoint)},
	}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Capacity returns how many further requests the rate limit lets pass until a
// time: less than 1 if those that wait already take all places.
func (c *Client) Capacity(until time.Time) float64 {
	return c.pace.Tokens() + float64(c.pace.Limit())*max(0, time.Until(until).Seconds())
}

// InFlight returns how many requests are being sent or answered.
func (c *Client) InFlight() int { return int(c.inFlight.Load()) }

// HoldOff returns for how long requests are still held off: because the API
// has throttled the project, or has refused its key.
func (c *Client) HoldOff() time.Duration {
	hold := c.throttle.left()
	if gate := c.gate.Load(); gate != nil {
		hold = max(hold, gate.left())
	}
	return hold
}

// HeldOff returns the error with which requests fail that cannot wait for the
// end of a hold-off, because the API has throttled the project, nil without one.
func (c *Client) HeldOff() error {
	if left := c.throttle.left(); left > 0 {
		return heldOff(left)
	}
	return nil
}

// Region returns the region that the client was made for.
func (c *Client) Region() string { return c.options.Region }

// NewTransport returns the transport that clients use: connections are kept
// for as many requests as may be in flight, answers travel compressed, the
// environment's proxies are not used unless proxy says so.
func NewTransport(proxy func(*http.Request) (*url.URL, error), tlsConfig *tls.Config, connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: connected,
		TLSClientConfig:        tlsConfig.Clone(), // net/http changes it
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

// connected makes an error of a proxy's answer to CONNECT that is no success.
func connected(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{answer.StatusCode}
}
