package dcsapi

import (
	"sync"

	"golang.org/x/time/rate"
)

const (
	// slowest is the part of the configured rate that throttling leaves.
	slowest = 1.0 / 16
	// recovery is the part of the configured rate by which each success raises
	// the rate after throttling.
	recovery = 1.0 / 200
)

// pace is the rate at which requests are sent: the configured one, halved each
// time that the API has throttled the project, and rising again with each
// request that succeeds.
type pace struct {
	*rate.Limiter
	full  rate.Limit
	burst int

	mu sync.Mutex // while the rate changes
}

// newPace returns the pace of so many requests per second.
func newPace(perSecond float64) *pace {
	burst := max(1, int(perSecond))
	return &pace{Limiter: rate.NewLimiter(rate.Limit(perSecond), burst), full: rate.Limit(perSecond), burst: burst}
}

// slowDown halves the rate, and allows no bursts until it is full again.
func (p *pace) slowDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.SetLimit(max(p.full*slowest, p.Limit()/2))
	p.SetBurst(1)
}

// speedUp raises the rate, if it is not full.
func (p *pace) speedUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Limit() == p.full {
		return
	}
	p.SetLimit(min(p.full, p.Limit()+p.full*recovery))
	if p.Limit() == p.full {
		p.SetBurst(p.burst)
	}
}
