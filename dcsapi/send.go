package dcsapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	maxAnswer     = 16 << 20    // bytes of one answer, unpacked
	maxShort      = 4 << 10     // bytes of a success that is read before it counts as one
	maxFailure    = 64 << 10    // bytes that are read of an answer that is no success
	maxFailureFor = time.Second // how long they are waited for
)

// onWay is what is asked and told while a request is on its way.
type onWay struct {
	// heard is told what the status line of the answer says, nil for a success,
	// before its body is read; of a success only once its body is known to be
	// longer than maxShort: a short one may carry an error_code.
	heard func(status *Error)
	// mayGo reports whether the request may be sent again.
	mayGo func() bool
}

// send signs and sends one request and reads its answer. Its errors repeat no
// secret.
func (c *Client) send(ctx context.Context, call *call, projectID string, key Key, on onWay) *Error {
	hidden := c.secrets.hide()
	failure := func(e *Error) *Error { return hidden.seal(e) }
	ctx, stop := context.WithCancelCause(ctx)
	cancel := func() { stop(nil) }
	defer cancel()
	endpoint := c.options.Endpoint
	if call.iam {
		endpoint = c.options.IAMEndpoint
	}
	req, err := sign(call, endpoint, projectID, key)
	if err != nil {
		return failure(&Error{Reason: ReasonOther, Message: "cannot sign the request", Err: err, unsent: true})
	}
	hidden = c.secrets.hideWith(signature(req))
	var handshake atomic.Pointer[error]
	start := time.Now()
	t := &tries{stop: stop, again: func(tries int) error {
		c.options.Observe(call.operation, "error", time.Since(start))
		err := c.resend(ctx, tries, on.mayGo)
		start = time.Now()
		return err
	}}
	trace := t.trace()
	trace.TLSHandshakeDone = func(_ tls.ConnectionState, err error) {
		if err != nil {
			handshake.Store(&err)
		}
	}
	req = req.WithContext(httptrace.WithClientTrace(ctx, trace))
	req.Header.Set("User-Agent", c.options.UserAgent)

	resp, err := c.http.Do(req)
	connected := t.lastConnected()
	if err != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errEnded):
			return failure(&Error{Reason: ReasonNetwork, Err: errEnded, final: true})
		case errors.Is(cause, errNoPlace):
			return failure(&Error{Reason: ReasonTimeout, Err: errNoPlace})
		}
		c.options.Observe(call.operation, "error", time.Since(start))
		failed := transportError(ctx, err, c.ownCA(), connected.IsZero())
		if trouble := handshake.Load(); trouble != nil && failed.Problem == ProblemOther {
			failed.Problem = problemOf(err, *trouble)
		}
		if connected.IsZero() && isUnreachable(err) {
			failed.suggest(otherEndpoint(endpoint), call.iam)
		}
		return failure(failed)
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.options.ObserveDate(call.operation, date, time.Since(connected))
	}
	buf := newBody()
	defer buf.free()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		on.heard(failure(answerError(resp, nil, false, hidden, time.Now())))
		whole := readFailure(resp, buf, cancel)
		c.options.Observe(call.operation, strconv.Itoa(resp.StatusCode), time.Since(start))
		return failure(answerError(resp, withoutMark(buf.Bytes()), whole, hidden, time.Now()))
	}
	long := func() { on.heard(nil) }
	if resp.ContentLength > maxShort { // packed bodies do not say
		long()
	}
	tooLarge := resp.ContentLength > maxAnswer // it is not read at all then
	if !tooLarge {
		err = buf.readAnswer(ctx, resp.Body, long)
		tooLarge = buf.Len() > maxAnswer
	}
	if err != nil {
		c.options.Observe(call.operation, "error", time.Since(start))
		failed := transportError(ctx, err, c.ownCA(), false)
		failed.Status = resp.StatusCode
		failed.Message = "the answer broke off"
		if errors.Is(err, errNoRoom) {
			failed.Message = err.Error()
		}
		return failure(failed)
	}
	c.options.Observe(call.operation, strconv.Itoa(resp.StatusCode), time.Since(start))
	if tooLarge {
		return &Error{Reason: ReasonDecode, Status: resp.StatusCode, Err: errTooLarge}
	}
	if failed := understand(call, resp, withoutMark(buf.Bytes()), hidden); failed != nil {
		return failure(failed)
	}
	return nil
}

// readFailure reads what can be had of the body of an answer that is no
// success, and reports whether that is all of it. The status line says what has
// happened: a body that is broken, endless or late only costs the server's
// words. cancel ends the request.
func readFailure(resp *http.Response, buf *body, cancel func()) (whole bool) {
	timer := time.AfterFunc(maxFailureFor, cancel)
	defer timer.Stop()
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, maxFailure+1))
	return err == nil && n <= maxFailure
}

// withoutMark returns a body without the byte order mark that some servers put
// before JSON.
func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// understand decodes a success, and makes an error of what is none.
func understand(call *call, resp *http.Response, body []byte, hidden *hidden) *Error {
	requestID := hidden.quote(resp.Header.Get("X-Request-Id"), 80)
	if len(bytes.TrimSpace(body)) == 0 {
		return &Error{Reason: ReasonDecode, Status: resp.StatusCode, Message: "empty answer", RequestID: requestID, Foreign: true}
	}
	err := call.decode(body, resp.Header)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		refused.Status, refused.RequestID = resp.StatusCode, requestID
		return refused
	}
	if errors.Is(err, errErrorCode) {
		failed := answerError(resp, body, true, hidden, time.Now())
		if failed.Reason == ReasonOther && codeReasons[failed.Code] == "" {
			failed.Reason = ReasonDecode
		}
		return failed
	}
	return &Error{
		Reason: ReasonDecode, Status: resp.StatusCode, RequestID: requestID,
		Message: "cannot read the answer: " + hidden.quote(err.Error(), maxErrorText), Foreign: true,
	}
}

// transportError words what net/http says without the URL around it. ownCA
// tells whether the configuration names authorities.
func transportError(ctx context.Context, err error, ownCA, unsent bool) *Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: ReasonTimeout, Message: "no answer before the deadline", Problem: ProblemTimeout, unsent: unsent}
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Reason: ReasonTimeout, Message: "given up because nobody waits for it any more", Err: context.Canceled, Problem: ProblemTimeout, unsent: unsent}
	}
	return &Error{Reason: ReasonNetwork, Message: networkAdvice(err, ownCA), Err: err, Problem: problemOf(err, nil), unsent: unsent}
}
