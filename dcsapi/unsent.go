package dcsapi

import (
	"context"
	"errors"
)

// Why a request was not sent before its context ended.
var (
	errNoSlot      = errors.New("no free request slot (max_concurrent_requests) before the deadline")
	errNoToken     = errors.New("the rate limit (requests_per_second) leaves no place before the deadline")
	errKeyUnproven = errors.New("the first request with this key has not been answered")
	errKeyBusy     = errors.New("earlier requests with the same key have not been answered")
	errTooLate     = errors.New("the deadline passed before the request could be sent")
	errCancelled   = errors.New("cancelled before it was sent: the caller no longer waits for the response")
)

// notSent returns the error of a request that was not sent: ended is what its
// wait ended with, why what it waited for. For a request that was cancelled
// that is the only reason.
func notSent(ended, why error) *Error {
	if errors.Is(ended, context.Canceled) {
		why = errCancelled
	}
	return &Error{Reason: ReasonTimeout, Err: why, unsent: true}
}

// asUnsent returns err as the *Error of a request that was not sent.
func asUnsent(err error) *Error {
	e := asError(err)
	e.unsent = true
	return e
}

// IsUnsent reports whether err says that a request cannot have reached the server:
// there was no key, or no time to send it, it was held off, or there was no
// connection. If IAM has to be asked for the project's id first and does not give it,
// IsUnsent describes the request to IAM. It returns false for the error of a
// malformed id, with which no request is made, and for that of HoldOffError.
func IsUnsent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.unsent
}

// IsRateLimitTimeout reports whether err says that a request was not sent, or not
// sent again over another connection, because the rate limit left no room for it
// before its deadline or that of WithSendBy.
func IsRateLimitTimeout(err error) bool {
	return errors.Is(err, errNoToken) || errors.Is(err, errTooLate)
}
