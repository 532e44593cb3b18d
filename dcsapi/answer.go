package dcsapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxRetryAfter is what longer demands are cut to.
const maxRetryAfter = 5 * time.Minute

// errorBody is the union of what DCS, its gateway and IAM answer.
type errorBody struct {
	Code      text     `json:"error_code"`
	Message   text     `json:"error_msg"`
	Ext       text     `json:"error_ext_msg"`
	RequestID text     `json:"request_id"`
	IAM       iamError `json:"error"`
	Plain     text     `json:"message"`
}

// iamError is the object in which IAM wraps its message; whatever else stands
// under its key is ignored.
type iamError struct{ message string }

// UnmarshalJSON implements json.Unmarshaler.
func (e *iamError) UnmarshalJSON(b []byte) error {
	var v struct {
		Message text `json:"message"`
	}
	if json.Unmarshal(b, &v) == nil {
		e.message = string(v.Message)
	}
	return nil
}

// answerError makes the error of an answer that is not a success, or that
// carries an error_code although its status is 2xx. whole says that body is all
// of its body. The error repeats nothing that is hidden.
func answerError(resp *http.Response, body []byte, whole bool, hidden *hidden, now time.Time) *Error {
	e := &Error{
		Status:     resp.StatusCode,
		RequestID:  hidden.quote(resp.Header.Get("X-Request-Id"), 80),
		RetryAfter: retryAfter(resp.Header, now),
	}
	b, ok := decodeFailure(body, whole)
	switch {
	case ok:
		e.Code = hidden.quote(string(b.Code), 40)
		e.Message = hidden.quote(cmp.Or(string(b.Message), b.IAM.message, string(b.Plain)), maxErrorText)
		e.ExtMessage = hidden.quote(string(b.Ext), maxErrorText)
		e.RequestID = cmp.Or(e.RequestID, hidden.quote(string(b.RequestID), 80))
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
	case len(body) == 0 && whole:
		e.Message = "empty answer"
	case len(body) == 0:
		e.Message = "the answer broke off"
	default:
		e.Message = "answer is not JSON: " + hidden.quote(plainText(string(body)), maxErrorText)
		e.Foreign = true
		if wantsTLS(resp, body) {
			e.Problem = ProblemWantsTLS
		}
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Foreign = e.Code == ""
		e.Message = "redirects are not followed" + redirectTarget(resp, hidden) + ": check the endpoint"
	}
	if resp.StatusCode == http.StatusProxyAuthRequired {
		e.Message = needsPassword
		e.Problem, e.Foreign = ProblemProxy, false
	}
	e.Reason = classify(e.Status, e.Code)
	if e.Reason == ReasonAuth {
		e.Message = withClock(e.Message, resp.Header, now)
	}
	return e
}

// decodeFailure decodes the body of an answer that is no success: if it is not
// whole, the fields that are.
func decodeFailure(body []byte, whole bool) (b errorBody, ok bool) {
	if whole {
		return b, json.Unmarshal(body, &b) == nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return b, false
	}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			break
		}
		field, err := json.Marshal(map[string]json.RawMessage{fmt.Sprint(name): value})
		if err != nil || json.Unmarshal(field, &b) != nil {
			break
		}
		ok = true
	}
	return b, ok
}

// redirectTarget names the host of a redirect, not its query.
func redirectTarget(resp *http.Response, hidden *hidden) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return ""
	}
	return " (to " + hidden.quote(u.Host, 100) + ")"
}

// withClock adds to a message how far the machine's clock is off the
// server's, if by more than a signature may be.
func withClock(message string, h http.Header, now time.Time) string {
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
	return strings.TrimPrefix(fmt.Sprintf("%s; this machine's clock is %s %s the server's: signatures are refused then, so set the clock", message, off.Abs(), direction), "; ")
}

// retryAfter reads the header in both its forms, at most maxRetryAfter.
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
		now = date // the server's clock, against the server's clock
	}
	return min(max(t.Sub(now), 0), maxRetryAfter)
}

// plainText takes the tags out of an HTML page, resolves its entities and folds
// white space.
func plainText(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '<':
			depth++
			b.WriteByte(' ')
		case r == '>' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	text := strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
	if text == "" {
		return strings.Join(strings.Fields(s), " ")
	}
	return text
}

// cut makes a server's text fit for one line of a log: valid, printable, at
// most n bytes.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
