package dcsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Reason classes a failure by what an operator would do about it. The values
// are those of the label "reason" of the exporter's metrics.
type Reason string

// The reasons, in the order in which they are documented.
const (
	ReasonAuth         Reason = "auth"         // the key was refused, or none could be had
	ReasonForbidden    Reason = "forbidden"    // the key is good, its permissions are not
	ReasonNotFound     Reason = "not_found"    // no such project, instance or node
	ReasonThrottled    Reason = "throttled"    // over the quota, or held off because of it
	ReasonTimeout      Reason = "timeout"      // no complete answer before the deadline
	ReasonNetwork      Reason = "network"      // no connection, or one that broke
	ReasonServer       Reason = "server"       // the API or its gateway failed (5xx)
	ReasonDecode       Reason = "decode"       // an answer that is not what the API documents
	ReasonInconsistent Reason = "inconsistent" // pages that do not make one list
	ReasonBusy         Reason = "busy"         // DCS.4957: a task on the node excludes this one
	ReasonStale        Reason = "stale"        // the list is older than allowed
	ReasonUnsupported  Reason = "unsupported"  // DCS.4848: the instance has no session management
	ReasonOther        Reason = "other"
)

// ReasonUndated is the class of a warning, not of a failure: a list does not
// say when it was taken.
const ReasonUndated Reason = "undated"

// Reasons returns all reasons, in the order in which they are documented.
func Reasons() []Reason {
	return []Reason{
		ReasonAuth, ReasonForbidden, ReasonNotFound, ReasonThrottled, ReasonTimeout,
		ReasonNetwork, ReasonServer, ReasonDecode, ReasonInconsistent, ReasonBusy,
		ReasonStale, ReasonUnsupported, ReasonOther,
	}
}

// Error is every error of this package, and of those who judge its answers.
// It never holds a secret.
type Error struct {
	Op         string        // what was being done: "list sessions of node …"
	Reason     Reason        // its class
	Status     int           // HTTP status, 0 without an answer
	Code       string        // error_code of DCS or its gateway, "" without one
	Message    string        // error_msg, or our own words
	ExtMessage string        // error_ext_msg
	RequestID  string        // for the vendor's support
	RetryAfter time.Duration // as the server asked, 0 if it did not
	Err        error         // the cause, if it was not an answer

	Problem Problem // why the API was not reached, "" if it was
	Foreign bool    // something other than the API has answered: a page, a redirect
	Held    bool    // not sent, because the key was refused before; Err is the refusal

	unsent bool // the request cannot have reached the server
	final  bool // it has been sent often enough
}

// Error tells what was being done, what came back and, where it is not
// obvious, what to do.
func (e *Error) Error() string {
	var answer, cause string
	if e.Status != 0 {
		answer = fmt.Sprintf("HTTP %d %s", e.Status, e.Code)
	}
	if e.Err != nil {
		cause = e.Err.Error()
	}
	parts := []string{e.Op, cmp.Or(strings.TrimSpace(answer), e.Code), e.Message, e.ExtMessage, cause}
	text := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the class of any error: that of the *Error in it, else
// timeout for an ended context, else other. It returns "" for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return ReasonTimeout
	}
	return ReasonOther
}

// IsUnknownNode tells whether the API does not know the node that it was
// asked about: the node list has changed.
func IsUnknownNode(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == "DCS.3053" || e.Code == "DCS.5053")
}

// IsUnknownInstance tells whether the API does not know the instance that it
// was asked about: the list of instances has changed.
func IsUnknownInstance(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == "DCS.3022"
}

// IsInstanceState tells whether the API refused because of the state that the
// instance is in: it does not run any more, or not yet.
func IsInstanceState(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == "DCS.4026" || e.Code == "DCS.4049")
}

// codeReasons maps the error codes that mean more than their HTTP status.
var codeReasons = map[string]Reason{
	"APIG.0301":  ReasonAuth,
	"APIGW.0301": ReasonAuth,
	"DCS.1001":   ReasonAuth,
	"DCS.1002":   ReasonAuth,
	"DCS.1003":   ReasonAuth,
	"DCS.1004":   ReasonAuth,
	"APIG.0308":  ReasonThrottled,
	"APIGW.0308": ReasonThrottled,
	"DCS.2003":   ReasonForbidden,
	"DCS.2007":   ReasonForbidden,
	"DCS.3002":   ReasonForbidden,
	"DCS.3003":   ReasonForbidden,
	"DCS.3022":   ReasonNotFound,
	"DCS.3053":   ReasonNotFound,
	"DCS.5053":   ReasonNotFound,
	"DCS.4848":   ReasonUnsupported,
	"DCS.4957":   ReasonBusy,
}

// classify is the one place where an answer that failed becomes a reason:
// by error code first, by HTTP status second.
func classify(status int, code string) Reason {
	if r, ok := codeReasons[code]; ok {
		return r
	}
	switch {
	case status == http.StatusUnauthorized:
		return ReasonAuth
	case status == http.StatusForbidden:
		return ReasonForbidden
	case status == http.StatusNotFound:
		return ReasonNotFound
	case status == http.StatusTooManyRequests:
		return ReasonThrottled
	case status == http.StatusRequestTimeout:
		return ReasonTimeout
	case status == http.StatusProxyAuthRequired:
		return ReasonNetwork
	case status >= 500:
		return ReasonServer
	default:
		return ReasonOther
	}
}

// retryable tells whether asking again may help: throttling, gateway and
// server trouble, broken connections. An unanswered deadline is final, and so
// is a proxy that wants another password: it may count the refusals.
func (e *Error) retryable() bool {
	if e.final {
		return false
	}
	if refused, ok := errors.AsType[*proxyError](e.Err); e.Status == http.StatusProxyAuthRequired || (ok && refused.status == http.StatusProxyAuthRequired) {
		return false
	}
	switch e.Reason {
	case ReasonThrottled, ReasonServer, ReasonNetwork:
		return true
	default:
		return false
	}
}

// provesKey tells whether the answer shows that the gateway accepted the
// key: the service itself has spoken, and not about the key.
func (e *Error) provesKey() bool {
	return strings.HasPrefix(e.Code, "DCS.") && e.Reason != ReasonAuth
}

// errTooLarge is the cause of errors about answers that are not read because
// of their size.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

// IsTooLarge reports whether the answer was not read because of its size: a
// smaller part of the list may be asked for instead.
func IsTooLarge(err error) bool { return errors.Is(err, errTooLarge) }

// Unsent tells whether err says that a request was not sent, or that no
// connection could be had to send it.
func Unsent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.unsent
}
