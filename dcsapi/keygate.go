package dcsapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// keyHold is how long a refused key is not used. The vendor locks a key
	// for as long after five refusals in a row.
	keyHold = 5 * time.Minute
	// maxAhead bounds the requests that go ahead with a key that was not
	// accepted yet: more than one only if the one before hangs.
	maxAhead = 3
	// maxPatience is how long such a request goes ahead alone.
	maxPatience = 2 * time.Second
	// maxLead is how long such a request may take: one that hangs is given up,
	// so that a later one can find that the API answers again.
	maxLead = 10 * time.Second
	// keyForget is how long an unused key is remembered.
	keyForget = time.Hour
)

// Keyring keeps the rule about keys, for all clients that share it: with a
// key that has not been accepted yet one request goes ahead alone, and a
// refused key is not used for five minutes. A key is known by all of its
// parts, so that changed credentials are a new key. The zero value is ready.
type Keyring struct {
	lead  time.Duration // maxLead if 0; tests have less time
	most  int           // maxOpen if 0; benchmarks have more
	mu    sync.Mutex
	gates map[[sha256.Size]byte]*keyGate
}

// gate returns the gate of a key.
func (r *Keyring) gate(k Key) *keyGate {
	id := sha256.Sum256([]byte(k.AccessKey + "\x00" + k.SecretKey + "\x00" + k.SecurityToken))
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.gates[id]; g != nil {
		g.used = now
		return g
	}
	for id, g := range r.gates {
		if now.Sub(g.used) > keyForget {
			delete(r.gates, id)
		}
	}
	if r.gates == nil {
		r.gates = make(map[[sha256.Size]byte]*keyGate)
	}
	g := &keyGate{used: now, lead: cmp.Or(r.lead, maxLead), most: r.most}
	r.gates[id] = g
	return g
}

// keyGate lets requests with one key pass.
type keyGate struct {
	used time.Time // guarded by the keyring's lock
	lead time.Duration

	mu sync.Mutex
	standing
	ahead int           // requests that went ahead and are not back
	since time.Time     // when the last of them went
	back  chan struct{} // closed and replaced when one of them is back

	most  int       // maxOpen if 0
	open  []*pass   // requests that were sent, and may be refused yet, in this order
	queue []*waiter // those who wait to send one
}

// standing is what is known of a key.
type standing struct {
	accepted bool      // since the last refusal, a request has succeeded
	until    time.Time // held until then
	refusal  *Error    // why
}

// pass is the right to send one request.
type pass struct {
	gate    *keyGate
	ahead   bool      // the key was not accepted yet
	before  *standing // of before the status line of the answer was a refusal
	refusal *Error    // by the status line, nil for none
	target  target
	sent    time.Time // zero for not
}

// enter waits until a request may be sent, or says why none may.
func (g *keyGate) enter(ctx context.Context) (*pass, error) {
	patience := patienceOf(ctx)
	for {
		g.mu.Lock()
		switch {
		case time.Now().Before(g.until):
			defer g.mu.Unlock()
			return nil, g.held()
		case g.accepted:
			g.mu.Unlock()
			return &pass{gate: g}, nil
		case g.ahead == 0, g.ahead < maxAhead && time.Since(g.since) >= patience:
			g.ahead++
			g.since = time.Now()
			if g.back == nil {
				g.back = make(chan struct{})
			}
			g.mu.Unlock()
			return &pass{gate: g, ahead: true}, nil
		}
		back, left := g.back, patience-time.Since(g.since)
		if g.ahead >= maxAhead {
			left = keyHold
		}
		g.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-back:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, notSent(context.Cause(ctx), errKeyUnproven)
		}
		timer.Stop()
	}
}

// patienceOf returns how long to wait for the answer to the request that went
// ahead before another one may: an endpoint that hangs must not keep the
// key's other projects and nodes waiting to their deadlines.
func patienceOf(ctx context.Context) time.Duration {
	if deadline, ok := sendBy(ctx); ok {
		return min(maxPatience, time.Until(deadline)/4)
	}
	return maxPatience
}

// held is the error of a request that is not sent; g.mu is held.
func (g *keyGate) held() *Error {
	return &Error{
		Reason: ReasonAuth, Held: true,
		Message: "the key was refused; no request is sent with it for another " +
			time.Until(g.until).Round(time.Second).String() + ", so that it does not get locked, unless the credentials change. The refusal was",
		Err: g.refusal,
	}
}

// bound returns the context in which the request is sent.
func (p *pass) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if !p.ahead {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, p.gate.lead)
}

// hear takes note of what the status line of an answer says, before the rest
// of it has come: a refusal counts from then on. status is nil for a success.
func (p *pass) hear(status *Error) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case status == nil:
		g.settle(p, true)
	case status.Reason == ReasonAuth:
		before := g.standing
		p.before = &before
		g.refuse(status)
		p.refusal = g.refusal
	}
}

// refuse holds the key back; g.mu must be held.
func (g *keyGate) refuse(err *Error) {
	refusal := *err // the caller names its operation in err
	g.standing = standing{until: time.Now().Add(keyHold), refusal: &refusal}
	for _, w := range g.queue {
		w.wake()
	}
}

// leave takes note of what came back: err is nil after a success.
func (p *pass) leave(err *Error) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.refusal != nil && p.refusal == g.refusal && err != nil && err.Reason != ReasonAuth {
		g.standing = *p.before // the rest of the answer says that it was no refusal
	}
	switch {
	case err == nil || err.provesKey():
		// Late answers to requests of before a refusal prove nothing.
		if p.ahead && !time.Now().Before(g.until) {
			g.accepted = true
		}
	case err.Reason == ReasonAuth:
		g.refuse(err)
	}
	g.settle(p, err == nil || err.provesKey())
	if p.ahead {
		g.ahead--
		close(g.back)
		g.back = make(chan struct{})
	}
}

// left returns for how long the key is still held back, 0 for not at all.
func (g *keyGate) left() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.until))
}

// isAccepted tells whether the key works as far as is known.
func (g *keyGate) isAccepted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.accepted
}
