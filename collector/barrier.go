package collector

// barrier is passed by jobs; it is open when all that were added have passed. The
// zero value is not usable: it is made by newBarrier. The schedule's mutex must be
// held for its methods.
type barrier struct {
	pending int
	open    chan struct{} // closed while pending is 0
}

func newBarrier() *barrier {
	b := &barrier{open: make(chan struct{})}
	close(b.open)
	return b
}

// add adds n jobs. If the barrier is open, they close it for those that come.
func (b *barrier) add(n int) {
	if n > 0 && b.pending == 0 {
		b.open = make(chan struct{})
	}
	b.pending += n
}

// pass lets one job pass.
func (b *barrier) pass() {
	if b.pending--; b.pending == 0 {
		close(b.open)
	}
}
