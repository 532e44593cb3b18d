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

// Reason classifies a failure by what an operator would do about it. Its values
// are those of the label "reason" of the exporter's metrics.
type Reason string

// The reasons, in the order in which they are documented.
const (
	ReasonAuth         Reason = "auth"         // the key was refused, or there is none
	ReasonForbidden    Reason = "forbidden"    // the key lacks a permission
	ReasonNotFound     Reason = "not_found"    // no such project, instance or node
	ReasonThrottled    Reason = "throttled"    // over the quota, or held off because of it
	ReasonTimeout      Reason = "timeout"      // no complete response before the deadline
	ReasonNetwork      Reason = "network"      // no connection, or a broken one
	ReasonServer       Reason = "server"       // the API or its gateway failed (5xx)
	ReasonDecode       Reason = "decode"       // the response is not as documented
	ReasonInconsistent Reason = "inconsistent" // pages that are not of one list
	ReasonBusy         Reason = "busy"         // DCS.4957: another task on the node excludes the request
	ReasonStale        Reason = "stale"        // the list is older than allowed
	ReasonUnsupported  Reason = "unsupported"  // DCS.4848: the instance has no session management
	ReasonOther        Reason = "other"
)

// ReasonUndated classifies a warning rather than a failure: a list without the
// time at which it was taken.
const ReasonUndated Reason = "undated"

// Reasons returns all reasons of failures, in the order in which they are
// documented: all but ReasonUndated.
func Reasons() []Reason {
	return []Reason{
		ReasonAuth, ReasonForbidden, ReasonNotFound, ReasonThrottled, ReasonTimeout,
		ReasonNetwork, ReasonServer, ReasonDecode, ReasonInconsistent, ReasonBusy,
		ReasonStale, ReasonUnsupported, ReasonOther,
	}
}

// Error is the type of all errors that the methods of Client return, and of those
// of packages that judge its results; use errors.AsType to find it. Functions such
// as Endpoint return errors of other types. It contains no secret.
type Error struct {
	Op         string        // what was being done, such as "list sessions of node …"
	Reason     Reason        // its classification
	Status     int           // HTTP status, 0 without a response
	Code       string        // error_code of DCS or its gateway, "" without one
	Message    string        // error_msg, or an explanation by this package
	ExtMessage string        // error_ext_msg
	RequestID  string        // for the vendor's support
	RetryAfter time.Duration // as the server requested, at most five minutes; 0 if it did not
	Err        error         // the cause, if it was not a response

	Problem Problem // why the API could not be reached, "" if it was
	Foreign bool    // something other than the API responded, such as a portal
	Held    bool    // not sent because the key was refused before; Err is the refusal

	unsent bool // the request cannot have reached the server
	final  bool // retrying is of no use
}

// Error returns what was being done, what was received and, unless it is obvious,
// what to do.
func (e *Error) Error() string {
	var status, cause string
	if e.Status != 0 {
		status = fmt.Sprintf("HTTP %d %s", e.Status, e.Code)
	}
	if e.Err != nil {
		cause = e.Err.Error()
	}
	parts := []string{e.Op, cmp.Or(strings.TrimSpace(status), e.Code), e.Message, e.ExtMessage, cause}
	text := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the reason of any error: that of the *Error that it wraps,
// else ReasonTimeout for an ended context, else ReasonOther. It returns "" for
// nil.
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

// asError returns err as an *Error of its own, which the caller may change. It
// has the reason of ReasonOf if err does not contain an *Error.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		e := *e
		return &e
	}
	return &Error{Reason: ReasonOf(err), Err: err}
}

// hasCode reports whether err wraps an *Error with one of the codes.
func hasCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(codes, e.Code)
}

// IsUnknownNode reports whether the API does not know the node that a request is
// about, because the list of nodes has changed.
func IsUnknownNode(err error) bool { return hasCode(err, "DCS.3053", "DCS.5053") }

// IsUnknownInstance reports whether the API does not know the instance that a
// request is about, because the list of instances has changed.
func IsUnknownInstance(err error) bool { return hasCode(err, "DCS.3022") }

// IsInstanceState reports whether the API refused a request because of the state
// of the instance: it is not running.
func IsInstanceState(err error) bool { return hasCode(err, "DCS.4026", "DCS.4049") }

// codeReasons holds the error codes that mean more than their HTTP status.
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

// statusReasons holds the HTTP statuses that have a reason of their own.
var statusReasons = map[int]Reason{
	http.StatusUnauthorized:      ReasonAuth,
	http.StatusForbidden:         ReasonForbidden,
	http.StatusNotFound:          ReasonNotFound,
	http.StatusTooManyRequests:   ReasonThrottled,
	http.StatusRequestTimeout:    ReasonTimeout,
	http.StatusProxyAuthRequired: ReasonNetwork,
}

// classify returns the reason of an error response: by its error code if that
// has a meaning of its own, else by its HTTP status.
func classify(status int, code string) Reason {
	reason := cmp.Or(codeReasons[code], statusReasons[status])
	if reason == "" && status >= http.StatusInternalServerError {
		return ReasonServer
	}
	return cmp.Or(reason, ReasonOther)
}

// errTooLarge is the cause of errors about responses that are not read because
// of their size.
var errTooLarge = fmt.Errorf("the response is larger than %d MiB", maxResponse>>20)

// IsTooLarge reports whether a response was not read because of its size, more than
// 16 MiB unpacked: a smaller part of the list can be requested instead.
func IsTooLarge(err error) bool { return errors.Is(err, errTooLarge) }
