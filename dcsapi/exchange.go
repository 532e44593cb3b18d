package dcsapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"
)

const (
	maxResponse      = 16 << 20    // bytes of a response, unpacked
	maxShort         = 4 << 10     // bytes of a success up to which its body is read before it counts as one
	maxErrorBody     = 64 << 10    // bytes read of the body of an error response
	maxErrorBodyTime = time.Second // how long they may take
)

// exchange signs a request, sends it, and reads and decodes its response. It is
// the innermost handler.
func (c *Client) exchange(ctx context.Context, r *request) *Error {
	endpoint := c.options.Endpoint
	if r.iam {
		endpoint = c.options.IAMEndpoint
	}
	req, err := sign(r, endpoint)
	if err != nil {
		return c.secrets.redactor().redactError(&Error{Reason: ReasonOther, Message: "cannot sign the request", Err: err, unsent: true})
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	redactor := sync.OnceValue(func() *redactor { return c.secrets.redactorWith(signature(req)) })
	x := &roundTrip{client: c, request: r, redactor: redactor, stop: stop}
	if failed := x.run(ctx, req); failed != nil {
		return redactor().redactError(failed)
	}
	return nil
}

// roundTrip is one request on the network and its response.
type roundTrip struct {
	client   *Client
	request  *request
	redactor func() *redactor        // of all secrets, the request's signature included; made when it is needed
	stop     context.CancelCauseFunc // ends it
	start    time.Time               // of the last transmission
	body     *body                   // of the response
}

// run sends the request and handles the response.
func (x *roundTrip) run(ctx context.Context, req *http.Request) *Error {
	resp, failed := x.send(ctx, req)
	if failed != nil {
		return failed
	}
	defer resp.Body.Close()
	if TraceOf(ctx) != nil {
		x.request.traced.Status, x.request.traced.RequestID = resp.StatusCode, x.requestID(resp)
	}
	x.body = newBody()
	defer x.body.free()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		x.client.statusReceived(x.request, x.redactor().redactError(x.responseError(resp, nil, false)))
		complete := x.readErrorBody(resp)
		x.observe(strconv.Itoa(resp.StatusCode))
		return x.responseError(resp, x.content(), complete)
	}
	if failed := x.readBody(ctx, resp); failed != nil {
		return failed
	}
	return x.decode(resp)
}

// observe reports the end of a transmission.
func (x *roundTrip) observe(code string) {
	took := time.Since(x.start)
	x.request.traced.Took = took
	x.client.options.Observer.Request(x.request.operation, code, took)
}

// send sends the request and returns the response, its body unread.
func (x *roundTrip) send(ctx context.Context, req *http.Request) (*http.Response, *Error) {
	c, r := x.client, x.request
	t := &transmissions{stop: x.stop, again: func(before int) error {
		x.observe("error")
		defer func() { x.start = time.Now() }()
		return c.resend(ctx, r, before)
	}}
	x.start = time.Now()
	resp, err := c.http.Do(req.WithContext(httptrace.WithClientTrace(ctx, t.trace())))
	connectedAt, handshake := t.connection()
	if err == nil {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			c.options.Observer.Date(r.operation, date, time.Since(connectedAt))
		}
		return resp, nil
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errConnectionsEnd):
		return nil, &Error{Reason: ReasonNetwork, Err: errConnectionsEnd, final: true}
	case errors.Is(cause, errNoToken):
		return nil, &Error{Reason: ReasonTimeout, Err: errNoToken}
	}
	x.observe("error")
	failed := transportError(ctx, err, ownCA(c.options.TLS), connectedAt.IsZero())
	if failed.Problem == ProblemOther && isTLSFailure(handshake) {
		failed.Problem = ProblemTLS
	}
	if connectedAt.IsZero() && isUnreachable(err) {
		failed.suggest(otherEndpoint(req.URL.String()), r.iam)
	}
	return nil, failed
}

// requestID returns the request's id by the API, "" if it does not say.
func (x *roundTrip) requestID(resp *http.Response) string {
	return x.redactor().quote(resp.Header.Get("X-Request-Id"), maxRequestID)
}

// ownCA reports whether a TLS configuration, nil for the defaults, names
// certificate authorities.
func ownCA(c *tls.Config) bool { return c != nil && c.RootCAs != nil }

// errLateBody is why the rest of an error response is not read.
var errLateBody = errors.New("the body of the error response is late")

// readErrorBody reads what can be had of the body of an error response, and
// reports whether that is all of it. The status line says what has happened: a
// body that is broken, endless or late costs only the server's explanation.
func (x *roundTrip) readErrorBody(resp *http.Response) (complete bool) {
	timer := time.AfterFunc(maxErrorBodyTime, func() { x.stop(errLateBody) })
	defer timer.Stop()
	n, err := x.body.ReadFrom(io.LimitReader(resp.Body, maxErrorBody+1))
	return err == nil && n <= maxErrorBody
}

// readBody reads the body of a success.
func (x *roundTrip) readBody(ctx context.Context, resp *http.Response) *Error {
	var err error
	// Before maxShort bytes are read, the body may turn out to be an error_code;
	// a compressed one does not announce its length.
	long := func() { x.client.statusReceived(x.request, nil) }
	if resp.ContentLength > maxShort {
		long()
	}
	if resp.ContentLength <= maxResponse { // otherwise it is too large already
		err = x.body.read(ctx, resp.Body, long)
	}
	if err != nil {
		x.observe("error")
		failed := transportError(ctx, err, ownCA(x.client.options.TLS), false)
		failed.Status = resp.StatusCode
		failed.Message = incompleteResponse
		if errors.Is(err, errNoMemory) {
			failed.Message = err.Error()
		}
		return failed
	}
	x.observe(strconv.Itoa(resp.StatusCode))
	if resp.ContentLength > maxResponse || x.body.Len() > maxResponse {
		return &Error{Reason: ReasonDecode, Status: resp.StatusCode, Err: errTooLarge}
	}
	return nil
}

// content returns what was read of the body, without the byte order mark that
// some servers put before JSON.
func (x *roundTrip) content() []byte { return bytes.TrimPrefix(x.body.Bytes(), []byte("\xef\xbb\xbf")) }

// decode decodes the body of a success. A body that does not report success
// makes an error.
func (x *roundTrip) decode(resp *http.Response) *Error {
	body := x.content()
	if len(bytes.TrimSpace(body)) == 0 {
		return &Error{Reason: ReasonDecode, Status: resp.StatusCode, Message: emptyResponse, RequestID: x.requestID(resp), Foreign: true}
	}
	err := x.request.decode(body, resp.Header)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		refused.Status, refused.RequestID = resp.StatusCode, x.requestID(resp)
		return refused
	}
	if errors.Is(err, errErrorCode) {
		failed := x.responseError(resp, body, true)
		if failed.Reason == ReasonOther && codeReasons[failed.Code] == "" {
			failed.Reason = ReasonDecode
		}
		return failed
	}
	return &Error{
		Reason: ReasonDecode, Status: resp.StatusCode, RequestID: x.requestID(resp),
		Message: "cannot read the response: " + x.redactor().quote(err.Error(), maxErrorText), Foreign: true,
	}
}
