package dcsapi

import "time"

// Observer is what a Client reports while it works: the package itself neither
// logs nor counts. Any field may be nil. The functions are called by the
// goroutines that make requests, and by those that renew keys in the
// background: they must be safe for concurrent use, and must return soon.
type Observer struct {
	// Request is called after each request that was sent, with the operation
	// (such as "list_clients"), the HTTP status or "error", and the time from
	// sending the request to the end of its response.
	Request func(operation, code string, took time.Duration)
	// RateLimited is called after each wait for the rate limit, however short,
	// and whether or not the request was sent afterwards.
	RateLimited func(waited time.Duration)
	// Date is called for each response with a Date header, with the operation,
	// the header, and the time from having a connection to receiving the header.
	Date func(operation string, date time.Time, took time.Duration)
	// Key is called when another key comes into use, and when a replacement was
	// looked for and not found. It is never called for a key that the
	// configuration holds as text.
	Key func(KeyEvent)
	// Warning is called when a part of a response does not have the documented
	// form and the rest of it is used, with the operation and a description in
	// the API's terms. The same warning is repeated each time that it is met.
	Warning func(operation, text string)
}

// orNothing returns the observer with functions that do nothing for nil ones,
// except Key: a KeySource keeps the function it has.
func (o Observer) orNothing() Observer {
	if o.Request == nil {
		o.Request = func(string, string, time.Duration) {}
	}
	if o.RateLimited == nil {
		o.RateLimited = func(time.Duration) {}
	}
	if o.Date == nil {
		o.Date = func(string, time.Time, time.Duration) {}
	}
	if o.Warning == nil {
		o.Warning = func(string, string) {}
	}
	return o
}

// KeyEvent describes a change of the key in use, or the lack of one.
type KeyEvent struct {
	Origin string    // where the key comes from, as KeyOrigin returns it
	Ends   time.Time // when the key expires; zero if it does not, or if that is unknown
	Err    error     // why no replacement was found; nil: this key is used from now on
}
