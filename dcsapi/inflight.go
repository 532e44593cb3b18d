package dcsapi

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// maxOpen bounds the requests with a key that are on their way: should it
	// have been revoked, all of them are refused, and the vendor locks a key
	// after five refusals in a row.
	maxOpen = 4
	// openFor is how long an answer may take before one request more may go. A
	// request counts as accepted when another one is that was sent so much
	// later: those that hang do not keep the others waiting for long.
	openFor = 250 * time.Millisecond
)

// target is what a request is about, from the general to the special: endpoint,
// project, instance, node.
type target [4]string

// likeness returns how much two targets have in common.
func (t target) likeness(other target) (n int) {
	for n < len(t) && t[n] == other[n] {
		n++
	}
	return n
}

// waiter waits until it may send a request.
type waiter struct {
	target target
	turn   chan struct{} // has an element when it is to look again
}

// depart waits until the request may be sent, and reports whether it is: not
// if others have come back refused meanwhile.
func (p *pass) depart(ctx context.Context, about target) (sent bool, err *Error) {
	g := p.gate
	p.target = about
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !p.good():
		return false, nil
	case p.ahead, len(g.queue) == 0 && g.full() <= 0:
		g.sends(p)
		return true, nil
	}
	me := &waiter{about, make(chan struct{}, 1)}
	g.queue = append(g.queue, me)
	defer func() {
		g.queue = slices.DeleteFunc(g.queue, func(w *waiter) bool { return w == me })
		g.wake()
	}()
	for p.good() {
		left := keyHold // until its turn
		if g.next() == me {
			if left = g.full(); left <= 0 {
				g.sends(p)
				return true, nil
			}
		}
		g.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-me.turn:
		case <-timer.C:
		case <-ctx.Done():
			err = notSent(context.Cause(ctx), errKeyBusy)
		}
		timer.Stop()
		g.mu.Lock()
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// next returns the one of those that wait whose turn it is: the first, or while
// requests hang the first that is about something that is least like what they
// are about. g.mu must be held.
func (g *keyGate) next() *waiter {
	if len(g.open) < cmp.Or(g.most, maxOpen) {
		return g.queue[0]
	}
	return slices.MinFunc(g.queue, func(a, b *waiter) int { return cmp.Compare(g.likeness(a), g.likeness(b)) })
}

// likeness returns how much a waiter's target has in common with those of
// requests on their way; g.mu must be held.
func (g *keyGate) likeness(w *waiter) (n int) {
	for _, p := range g.open {
		n = max(n, w.target.likeness(p.target))
	}
	return n
}

// good reports whether the request may still be sent, as far as refusals go;
// g.mu must be held.
func (p *pass) good() bool {
	return p.gate.accepted || (p.ahead && !time.Now().Before(p.gate.until))
}

// valid reports what good does.
func (p *pass) valid() bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.good()
}

// full returns for how long no further request may be sent, unless one is
// answered; g.mu must be held. Where nothing is answered at all one goes after
// the other, in case that not all of them hang: this is how more than
// maxOpen + 1 may be refused, if a refusal takes longer than maxPatience.
func (g *keyGate) full() time.Duration {
	n, most := len(g.open), cmp.Or(g.most, maxOpen)
	switch {
	case n < most:
		return 0
	case n == most:
		return openFor - time.Since(g.open[n-1].sent)
	default:
		return maxPatience - time.Since(g.open[n-1].sent)
	}
}

// sends notes that a request is being sent; g.mu must be held.
func (g *keyGate) sends(p *pass) {
	p.sent = time.Now()
	g.open = append(g.open, p)
}

// settle notes that it is known whether a request's key was accepted, or that
// the request is given up; g.mu must be held.
func (g *keyGate) settle(p *pass, accepted bool) {
	before := len(g.open)
	g.open = slices.DeleteFunc(g.open, func(o *pass) bool {
		return o == p || (accepted && p.sent.Sub(o.sent) >= openFor)
	})
	if len(g.open) < before {
		g.wake()
	}
}

// wake lets the one whose turn it is look again; g.mu must be held.
func (g *keyGate) wake() {
	if len(g.queue) > 0 {
		g.next().wake()
	}
}

func (w *waiter) wake() {
	select {
	case w.turn <- struct{}{}:
	default:
	}
}
