package web

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

const (
	// perSubject is how many scrapes of the same targets are made at a time,
	// besides those that share one of them: a pair of Prometheus servers needs
	// two.
	perSubject = 8
	// perClient is how many scrapes of the same targets one host has under way,
	// until their answers are sent: those of large fleets have 16 MiB and more.
	perClient = 64
	// inAll is how many scrapes are made of all targets together: while nodes are waited for, a
	// probe takes little memory.
	inAll = 1000
	// renderedAtOnce is how many scrapes have their metrics made and encoded at
	// a time, which takes several times the memory of the answer.
	renderedAtOnce = 2
	// renderWait is how long after its deadline a scrape waits for its turn.
	renderWait = 5 * time.Second
)

// subject is what a scrape reads.
type subject struct {
	collector *collector.Collector
	target    string // "" for all
}

// rendering is how a scrape is to be answered. Scrapes for which it is the same
// can share an answer.
type rendering struct {
	subject
	format   expfmt.Format
	encoding string
	names    string // those of the metrics wanted, "" for all
}

// newRendering returns what a request asks for.
func newRendering(r *http.Request, s subject) rendering {
	return rendering{
		s, expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...),
		strings.Join(r.Header.Values("Accept-Encoding"), ","), url.Values{"": r.URL.Query()["name[]"]}.Encode(),
	}
}

// scrapes makes the answers of scrapes, once for those that overlap and differ
// in nothing but who asks. It is safe for concurrent use, and made by
// newScrapes.
type scrapes struct {
	Options
	outbox *outbox
	turns  chan struct{}

	mu      sync.Mutex
	making  map[subject][]*making
	count   int            // of all of them
	waiting map[client]int // scrapes that are not answered yet
}

func newScrapes(o Options, out *outbox) *scrapes {
	return &scrapes{
		Options: o, outbox: out, turns: make(chan struct{}, renderedAtOnce),
		making: make(map[subject][]*making), waiting: make(map[client]int),
	}
}

// client is a host that scrapes a subject.
type client struct {
	subject
	host string
}

// making is an answer that is being made.
type making struct {
	rendering
	deadline time.Time
	ctx      context.Context // ends when nobody waits any more
	cancel   context.CancelFunc
	waiting  int           // scrapes that wait for it; scrapes.mu must be held
	done     chan struct{} // closed when answer is there
	answer   *answer       // nil if it was not its turn in time
}

// serve answers a scrape by its deadline with what gather returns by then. It
// calls release when the settings are not needed any more.
func (t *scrapes) serve(w http.ResponseWriter, r *http.Request, s Settings, release func(), of subject, gather func(context.Context) (sessions collector.Gatherer, own prometheus.Gatherer)) {
	timeout := scrapeTimeout(r.Header.Get(timeoutHeader), s.Timeout, s.TimeoutOffset)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout + slack)) // tests may not have it
	c := client{of, r.RemoteAddr}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.host = addr.Addr().String()
	}
	if !t.enter(c) {
		release()
		t.reject(w)
		return
	}
	defer t.exit(c)
	m, first := t.join(r, newRendering(r, of), timeout)
	if first {
		go func() {
			defer release()
			t.make(m, r.Clone(m.ctx), gather)
		}()
	} else {
		release()
	}
	if m == nil {
		t.reject(w)
		return
	}
	defer t.leave(m)
	select {
	case <-m.done:
	case <-r.Context().Done():
		return
	}
	if m.answer == nil {
		t.reject(w)
		return
	}
	t.outbox.send(w, m.answer)
}

// enter reports whether a client may have one more scrape under way. Each
// successful enter must be paired with exit.
func (t *scrapes) enter(c client) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[c] >= perClient {
		return false
	}
	t.waiting[c]++
	return true
}

// exit ends one scrape of a client.
func (t *scrapes) exit(c client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[c]--; t.waiting[c] == 0 {
		delete(t.waiting, c)
	}
}

// join returns the answer that a scrape waits for, and whether it is to be
// made; nil if there are too many. Each successful join must be paired with
// leave.
//
// A scrape shares an answer that is made by its own deadline, and not so much
// earlier that it would miss many nodes, unless it would get none otherwise.
func (t *scrapes) join(r *http.Request, how rendering, timeout time.Duration) (m *making, first bool) {
	deadline := time.Now().Add(timeout)
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.making[how.subject]
	for _, other := range all {
		if other.rendering == how && other.waiting > 0 && !other.deadline.After(deadline) && (m == nil || other.deadline.After(m.deadline)) {
			m = other
		}
	}
	full := len(all) >= perSubject || t.count >= inAll
	switch {
	case m != nil && (full || deadline.Sub(m.deadline) <= timeout/10):
		m.waiting++
		return m, false
	case full:
		return nil, false
	}
	m = &making{rendering: how, deadline: deadline, waiting: 1, done: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	t.making[how.subject] = append(all, m)
	t.count++
	return m, true
}

// leave ends the waiting of a scrape.
func (t *scrapes) leave(m *making) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.waiting--; m.waiting == 0 {
		m.cancel()
	}
}

// make makes an answer, unless nobody waits for it any more.
func (t *scrapes) make(m *making, r *http.Request, gather func(context.Context) (sessions collector.Gatherer, own prometheus.Gatherer)) {
	defer close(m.done)
	defer t.remove(m)
	defer m.cancel()
	defer func() {
		if problem := recover(); problem != nil {
			level.Error(t.Logger).Log("msg", "cannot serve metrics", "err", fmt.Sprint(problem))
			m.answer = newAnswer()
			say(m.answer, http.StatusInternalServerError, "The metrics cannot be made, the log says why.")
		}
	}()
	ctx, cancel := context.WithDeadline(m.ctx, m.deadline)
	defer cancel()
	sessions, own := gather(ctx)
	sessions.Read()
	late, cancel := context.WithDeadline(m.ctx, m.deadline.Add(renderWait))
	defer cancel()
	select {
	case t.turns <- struct{}{}:
		defer func() { <-t.turns }()
	case <-late.Done():
		return
	}
	out := newAnswer()
	families := sessions.Families()
	if own != nil {
		families = exposition.Merge(families, exposition.Gathered(own)) // gathered now: they count this scrape
	}
	encode(out, r, m.format, families, func(err error) {
		level.Error(t.Logger).Log("msg", "cannot serve all metrics", "err", err)
	})
	m.answer = out
}

// remove takes an answer out of those that can be shared.
func (t *scrapes) remove(m *making) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	left := slices.DeleteFunc(t.making[m.subject], func(other *making) bool { return other == m })
	if len(left) == 0 {
		delete(t.making, m.subject)
		return
	}
	t.making[m.subject] = left
}

// reject sends a scrape away that there is no place for.
func (t *scrapes) reject(w http.ResponseWriter) {
	if t.Rejected != nil {
		t.Rejected()
	}
	w.Header().Set("Retry-After", "5")
	w.Header().Set("Connection", "close") // its descriptor is needed too
	say(w, http.StatusServiceUnavailable, "Too many scrapes are under way: try again in some seconds.")
}
