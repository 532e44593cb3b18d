package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxRecorded bounds what is kept of a recording in memory, in bytes of bodies.
const maxRecorded = 128 << 20

// Errors of Recorder.Recording and Write.
var (
	ErrTooLarge = errors.New("the responses are too large, 128 MiB or more: record fewer instances at a time")
	ErrEmpty    = errors.New("no request was answered")
)

// Recorder keeps the requests and responses of the transports that it wraps. The
// zero value is ready to use. It is safe for concurrent use.
type Recorder struct {
	mu        sync.Mutex
	exchanges []*exchange // in the order in which the requests were sent
	size      int         // bytes of their bodies
	reuse     bool
	keys      []string // parts of keys, which must not be in the recording
}

// exchange is an exchange as it was: it is never written anywhere.
type exchange struct {
	at       time.Time
	took     time.Duration
	method   string
	path     string
	query    url.Values
	sent     []byte // body of the request
	status   int    // 0 if there was no response
	header   http.Header
	received []byte
	failure  string
	done     bool
}

// Transport returns a transport that sends requests by next and records them. An
// exchange ends when the response's body has been read to its end or closed.
func (r *Recorder) Transport(next http.RoundTripper) http.RoundTripper {
	return &transport{r, next}
}

// Reuse makes the recorder answer requests that it has seen answered before,
// instead of sending them again, except those for sessions.
func (r *Recorder) Reuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reuse = true
}

// Quiet returns for how long no request has been in progress: 0 while one is, and a
// very long time before the first.
func (r *Recorder) Quiet() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last time.Time
	for _, x := range r.exchanges {
		if !x.done {
			return 0
		}
		if end := x.at.Add(x.took); end.After(last) {
			last = end
		}
	}
	return time.Since(last)
}

// transport is an http.RoundTripper that records.
type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

// CloseIdleConnections closes those of the wrapped transport.
func (t *transport) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	r := t.recorder
	if known := r.answered(req); known != nil {
		return known.response(req), nil
	}
	x := r.begin(req)
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		r.end(x, failureOf(req.Context(), err))
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header.Clone()
	resp.Body = &recordedBody{ReadCloser: resp.Body, recorder: r, exchange: x, ctx: req.Context(), length: resp.ContentLength}
	return resp, nil
}

// begin adds the exchange of a request that is about to be sent.
func (r *Recorder) begin(req *http.Request) *exchange {
	x := &exchange{at: time.Now(), method: req.Method, path: req.URL.Path, query: req.URL.Query()}
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			x.sent, _ = io.ReadAll(io.LimitReader(body, 1<<20))
			_ = body.Close()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteKey(req.Header)
	r.exchanges = append(r.exchanges, x)
	return x
}

// noteKey remembers the parts of a key that a request contains. r.mu must be
// held.
func (r *Recorder) noteKey(h http.Header) {
	r.keys = append(r.keys, h.Get("X-Security-Token"))
	for part := range strings.FieldsFuncSeq(h.Get("Authorization"), func(c rune) bool { return c == ' ' || c == ',' }) {
		if name, value, _ := strings.Cut(part, "="); name == "Access" || name == "Signature" {
			r.keys = append(r.keys, value)
		}
	}
}

// end completes an exchange.
func (r *Recorder) end(x *exchange, failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.done {
		return
	}
	x.done, x.failure, x.took = true, failure, time.Since(x.at)
	if r.size += len(x.received) + len(x.sent); r.size > maxRecorded {
		x.received, x.sent = nil, nil // Recording will refuse
	}
}

// answered returns the last exchange of the same request if it is to be used
// again, and nil otherwise. Lists of sessions change: they are asked for again.
func (r *Recorder) answered(req *http.Request) *exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.reuse || req.Method != http.MethodGet || strings.HasSuffix(req.URL.Path, "/clients") {
		return nil
	}
	query := req.URL.Query().Encode()
	for i := len(r.exchanges) - 1; i >= 0; i-- {
		x := r.exchanges[i]
		if x.done && x.failure == "" && x.method == req.Method && x.path == req.URL.Path && x.query.Encode() == query {
			return x
		}
	}
	return nil
}

// response returns the exchange's response to an equal request.
func (x *exchange) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(x.status), StatusCode: x.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.header.Clone(), Body: io.NopCloser(bytes.NewReader(x.received)), ContentLength: int64(len(x.received)), Request: req,
	}
}

// failureOf returns the value of Exchange.Failure for an error, "cancelled" for
// requests that are not kept.
func failureOf(ctx context.Context, err error) string {
	switch cause := context.Cause(ctx); {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(cause, context.DeadlineExceeded):
		return FailureTimeout
	case errors.Is(cause, context.Canceled): // not by the client for a reason of its own
		return failureCancelled
	default:
		return FailureNetwork
	}
}

// failureCancelled marks requests that nobody waits for any more.
const failureCancelled = "cancelled"

// recordedBody is the body of a response on its way to the client.
type recordedBody struct {
	io.ReadCloser
	recorder *Recorder
	exchange *exchange
	ctx      context.Context // of the request
	length   int64           // as announced, -1 if it was not
}

// Read implements io.Reader.
func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.exchange.done && len(b.exchange.received) <= maxRecorded {
		b.exchange.received = append(b.exchange.received, p[:n]...)
	}
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.recorder.end(b.exchange, "")
	case failureOf(b.ctx, err) == failureCancelled:
		b.recorder.end(b.exchange, failureCancelled)
	default:
		b.recorder.end(b.exchange, FailureCut)
	}
	return n, err
}

// Close implements io.Closer.
func (b *recordedBody) Close() error {
	failure := FailureCut
	if int64(len(b.exchange.received)) == b.length {
		failure = ""
	}
	b.recorder.end(b.exchange, failure)
	return b.ReadCloser.Close()
}
