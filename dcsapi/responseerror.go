package dcsapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is what a longer Retry-After is cut to.
const maxRetryAfter = 5 * time.Minute

// maxRequestID is how many bytes of a request id an error repeats.
const maxRequestID = 80

// What is wrong with the body of a response.
const (
	emptyResponse      = "empty response"
	incompleteResponse = "the response ended before it was complete"
)

// responseError returns the error of a response that is not a success, or that
// carries an error_code although its status is 2xx. complete reports whether
// body is its whole body.
func (x *roundTrip) responseError(resp *http.Response, body []byte, complete bool) *Error {
	now, redactor := time.Now(), x.redactor()
	redirect := resp.StatusCode >= 300 && resp.StatusCode < 400
	e := &Error{
		Status:     resp.StatusCode,
		RequestID:  x.requestID(resp),
		RetryAfter: retryAfter(resp.Header, now),
	}
	b, ok := decodeErrorBody(body, complete)
	switch {
	case ok: // as DCS, its gateway or IAM writes it, or another gateway on the way
		var iam object
		_ = iam.UnmarshalJSON(b["error"]) // of another kind if it is not from IAM
		e.Code = redactor.quote(b.text("error_code"), 40)
		e.Message = redactor.quote(cmp.Or(b.text("error_msg"), iam.text("message"), b.text("message"), b.text("Message")), maxErrorText)
		e.ExtMessage = redactor.quote(b.text("error_ext_msg"), maxErrorText)
		e.RequestID = cmp.Or(e.RequestID, redactor.quote(b.text("request_id"), maxRequestID))
	case redirect:
	case len(body) == 0 && complete:
		e.Message = emptyResponse
	case len(body) == 0:
		e.Message = incompleteResponse
	default:
		e.Message = "response is not JSON: " + redactor.quote(plainText(string(body)), maxErrorText)
		e.Foreign = true
		if wantsTLS(resp, body) {
			e.Problem = ProblemWantsTLS
		}
	}
	if redirect {
		e.Foreign = e.Code == ""
		e.Message = "redirects are not followed" + redirectTarget(resp, redactor) + ": check the endpoint"
	}
	if resp.StatusCode == http.StatusProxyAuthRequired {
		e.Message = proxyAuthHint
		e.Problem, e.Foreign = ProblemProxy, false
	}
	e.Reason = classify(e.Status, e.Code)
	if e.Reason == ReasonAuth {
		e.Message = withClockSkew(e.Message, resp.Header, now)
	}
	return e
}

// decodeErrorBody decodes the body of an error response. Of an incomplete one it
// decodes the fields that are complete.
func decodeErrorBody(body []byte, complete bool) (o object, ok bool) {
	if complete {
		return o, json.Unmarshal(body, &o) == nil
	}
	_ = o.UnmarshalJSON(bytes.TrimSpace(body)) // it cannot be valid
	return o, len(o) > 0
}

// redirectTarget names the host of a redirect, without path and query.
func redirectTarget(resp *http.Response, redactor *redactor) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return ""
	}
	return " (to " + redactor.quote(u.Host, 100) + ")"
}

// withClockSkew adds to a message how far this machine's clock differs from the
// server's, if by more than a signature tolerates.
func withClockSkew(message string, h http.Header, now time.Time) string {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return message
	}
	off := now.Sub(date).Round(time.Second)
	if off.Abs() < 5*time.Minute {
		return message
	}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	return strings.TrimPrefix(fmt.Sprintf("%s; this machine's clock is %s %s the server's: signatures are refused because of that: set the clock", message, off.Abs(), direction), "; ")
}

// retryAfter returns the value of a Retry-After header in either of its forms,
// at most maxRetryAfter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if !(s > 0) { // NaN too
			return 0
		}
		return time.Duration(min(s, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // compare the server's clock with itself
	}
	return min(max(t.Sub(now), 0), maxRetryAfter)
}
