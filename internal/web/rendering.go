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
	// perSubject is the maximum number of concurrent scrapes per subject, not
	// counting those that share another's answer. A pair of Prometheus servers
	// needs two.
	perSubject = 8
	// perClient is the maximum number of scrapes of one subject that a host may
	// have in progress until their answers are sent. With a large fleet an answer
	// has 16 MiB and more.
	perClient = 64
	// inAll is the maximum number of concurrent scrapes of all subjects. A probe
	// takes little memory while it waits for nodes.
	inAll = 1000
	// renderedAtOnce is how many scrapes may build and encode their metrics at a
	// time, which takes several times the memory of the answer.
	renderedAtOnce = 2
	// renderWait is how long after its deadline a scrape still waits for its turn
	// to encode.
	renderWait = 5 * time.Second
)

// subject is what a scrape reads.
type subject struct {
	collector *collector.Collector
	target    string // "" for all
}

// rendering identifies the answer to a scrape. Scrapes with equal renderings can
// share an answer.
type rendering struct {
	subject
	format   expfmt.Format
	encoding string
	names    string // names of the requested metrics, "" for all
}

// newRendering returns the rendering that a request asks for.
func newRendering(r *http.Request, s subject) rendering {
	return rendering{
		s, expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...),
		strings.Join(r.Header.Values("Accept-Encoding"), ","), url.Values{"": r.URL.Query()["name[]"]}.Encode(),
	}
}

// scrapes makes the answers to scrapes. Overlapping scrapes that ask for the same
// share one answer. It is safe for concurrent use. Use newScrapes to make one.
type scrapes struct {
	Options
	outbox *outbox
	turns  chan struct{}

	mu      sync.Mutex
	making  map[subject][]*making
	count   int            // total number of answers being made
	waiting map[client]int // scrapes in progress
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
	ctx      context.Context // ends when no scrape waits for it any more
	cancel   context.CancelFunc
	waiting  int           // scrapes that wait for it; guarded by scrapes.mu
	done     chan struct{} // closed when answer is set
	answer   *answer       // nil if its turn did not come in time
}

// serve answers a scrape by its deadline with what gather returns by then. It
// calls release when the settings are no longer needed.
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

// enter reports whether a client may start another scrape. Each successful enter
// must be paired with exit.
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

// join returns the answer for a scrape to wait for, and whether the caller must
// make it. It returns nil if there are too many scrapes. Each successful join
// must be paired with leave.
//
// A scrape shares an answer only if that will be ready by the scrape's own
// deadline, but not so early that it would miss many nodes. If there is no place
// for another answer, an early one will do.
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

// leave ends a scrape's wait for an answer.
func (t *scrapes) leave(m *making) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.waiting--; m.waiting == 0 {
		m.cancel()
	}
}

// make makes an answer, unless no scrape waits for it any more.
func (t *scrapes) make(m *making, r *http.Request, gather func(context.Context) (sessions collector.Gatherer, own prometheus.Gatherer)) {
	defer close(m.done)
	defer t.remove(m)
	defer m.cancel()
	defer func() {
		if problem := recover(); problem != nil {
			level.Error(t.Logger).Log("msg", "cannot serve metrics", "err", fmt.Sprint(problem))
			m.answer = newAnswer()
			say(m.answer, http.StatusInternalServerError, "The metrics cannot be served; the exporter's log says why.")
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

// remove stops sharing an answer with new scrapes.
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

// reject answers a scrape that there is no place for with 503.
func (t *scrapes) reject(w http.ResponseWriter) {
	t.Rejected()
	w.Header().Set("Retry-After", "5")
	w.Header().Set("Connection", "close") // free its descriptor, too
	say(w, http.StatusServiceUnavailable, "Too many scrapes are in progress: try again in a few seconds.")
}
