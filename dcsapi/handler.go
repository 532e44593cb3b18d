package dcsapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
)

// call describes one operation of the API.
type call struct {
	operation  string // its name in metrics, such as "list_clients"
	action     string // what is being done, for Error.Op
	iam        bool   // addressed to IAM rather than to DCS, and not specific to a project
	method     string
	path       string
	node       string // the node whose sessions it concerns, "" for none
	query      map[string]string
	body       string
	atMostOnce bool // must not be sent again once it may have reached the server
	noRetry    bool // the caller retries by its own rules

	// decode decodes the body of a success. It must not retain body.
	decode func(body []byte, h http.Header) error
}

// request is a call on its way through the handlers. Each handler sets the
// fields that those inside of it need.
type request struct {
	*call
	projectID  string   // by withProject; "" for IAM
	path       string   // by withProject: call.path below the project
	key        Key      // by withKey
	breaker    *breaker // by withKey: that of key
	permit     *permit  // by withBreaker
	epoch      int      // by withThrottle
	throttled  bool     // a status line has begun a new hold-off
	background bool     // by do: it is one of InBackground
	traced     Exchange // by withTrace, for a context with a Trace
}

// handler carries out a request. It returns nil for a success.
type handler func(ctx context.Context, r *request) *Error

// newHandler assembles the way of a request through the concerns, of which
// each knows only itself and calls the next. Those listed first are outermost:
// they see a request first and its outcome last.
func (c *Client) newHandler() handler {
	concerns := []func(next handler) handler{
		// Whatever an error says and wherever it arises, no secret leaves.
		c.withRedaction,
		// The path needs the project's id; asking IAM for it is a request of its
		// own, which takes the same way.
		c.withProject,
		// Each attempt passes everything below again.
		c.withRetries,
		// A temporary key that is refused is replaced once, within the attempt.
		c.withKey,
		// While the project is throttled nothing is sent. This comes before all
		// that is scarce, so that a held-off request occupies none of it, and
		// starts a request over that was overtaken while it waited below.
		c.withThrottle,
		// While a key is unproven all but its probe wait here, again before they
		// take a token or a slot.
		c.withBreaker,
		// What follows is recorded for those who look for a problem.
		c.withTrace,
		// A token of the rate limit before a slot: waiting for the rate must not
		// keep a slot from another request.
		c.withRateLimit,
		// One of max_concurrent_requests slots, shared fairly among nodes.
		c.withSlot,
		// Last, since it counts what is in fact sent: a bound on the requests of
		// one key that are unanswered, and thus refused if the key is revoked.
		c.withWindow,
	}
	h := handler(c.exchange) // signs, sends, reads and decodes, and reports to the Observer
	for _, concern := range slices.Backward(concerns) {
		h = concern(h)
	}
	return h
}

// do carries out a call.
func (c *Client) do(ctx context.Context, call *call) error {
	if err := c.handle(ctx, &request{call: call, path: call.path, background: isBackground(ctx)}); err != nil {
		return err
	}
	return nil
}

// errStartOver is returned to withThrottle by the concerns inside of it for a
// request that was overtaken: while it waited its key was refused, the project
// was throttled, or its slot was preempted.
var errStartOver = &Error{Reason: ReasonTimeout, unsent: true}

// statusReceived passes on what the status line of a response says before its
// body is read, so that other requests need not wait for that. status is nil
// for a success.
func (c *Client) statusReceived(r *request, status *Error) {
	r.permit.statusReceived(status)
	r.throttled = status != nil && !r.background && c.throttle.record(r.epoch, status)
}

// mayResend reports whether net/http may send a request again.
func (c *Client) mayResend(r *request) bool {
	return r.permit.allowed() && c.throttle.remaining() <= 0
}

// slotOwner returns by what the slots are shared out.
func (r *request) slotOwner() string { return cmp.Or(r.node, r.path) }
