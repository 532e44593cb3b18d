package dcsapi

import (
	"context"
	"errors"
)

// Why a request was not sent before its context ended.
var (
	errNoSlot      = errors.New("no free request slot (max_concurrent_requests) before the deadline")
	errKeyUnproven = errors.New("the first request with this key has not been answered")
	errKeyBusy     = errors.New("the requests before, with the same key, have not been answered")
	errTooLate     = errors.New("the deadline passed before the request could be sent")
	errCancelled   = errors.New("cancelled before it was sent: nobody waits for the answer any more")
)

// notSent returns the error of a request that was not sent. ended is what its
// wait has ended with, why what it waited for. A request that was cancelled
// failed for that alone.
func notSent(ended, why error) *Error {
	if errors.Is(ended, context.Canceled) {
		why = errCancelled
	}
	return &Error{Reason: ReasonTimeout, Err: why, unsent: true}
}

// noPlace returns the error of a request that the rate limit did not let pass:
// not necessarily for want of a place.
func noPlace(ended error) *Error {
	if errors.Is(ended, context.DeadlineExceeded) {
		return notSent(ended, errTooLate)
	}
	return notSent(ended, errNoPlace)
}

// NoPlace reports whether err says that a request was not sent because the rate
// limit has no place for it before the deadline.
func NoPlace(err error) bool { return errors.Is(err, errNoPlace) || errors.Is(err, errTooLate) }
