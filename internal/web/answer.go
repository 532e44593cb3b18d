package web

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// answer is a complete HTTP answer in memory. It implements
// http.ResponseWriter, and must not change once it is being sent.
type answer struct {
	header http.Header
	status int
	pieces [][]byte // none larger than pieceSize
	size   int
}

// pieceSize is how many bytes of an answer are written at a time.
const pieceSize = 64 << 10

func newAnswer() *answer { return &answer{header: make(http.Header), status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.size += len(p)
	for rest := p; len(rest) > 0; {
		last := len(a.pieces) - 1
		if last < 0 || len(a.pieces[last]) == cap(a.pieces[last]) {
			// A small answer needs no whole piece.
			a.pieces = append(a.pieces, make([]byte, 0, min(pieceSize, max(4<<10, a.size))))
			last++
		}
		piece := a.pieces[last]
		n := min(len(rest), cap(piece)-len(piece))
		a.pieces[last], rest = append(piece, rest[:n]...), rest[n:]
	}
	return len(p), nil
}

const (
	// stalled is how long a client may take to read a piece of an answer.
	stalled = 5 * time.Second
	// slack is how long a client may take to read a whole answer.
	slack = 30 * time.Second

	// Answers being sent may exceed either freeAnswers or freeBytes, but not
	// both. Beyond that, a new answer aborts the oldest ones.
	freeAnswers = 8
	freeBytes   = 64 << 20
)

// outbox sends answers, and limits the memory of those that clients read too
// slowly. The zero value is ready to use. It is safe for concurrent use.
type outbox struct {
	mu      sync.Mutex
	sending []*outgoing // oldest first
	size    int         // total bytes
}

// outgoing is an answer that is being sent to one or more clients.
type outgoing struct {
	*answer
	to  map[*http.ResponseController]bool
	cut bool // sending was aborted
}

// send writes an answer, until the client reads too slowly.
func (o *outbox) send(w http.ResponseWriter, a *answer) {
	control := http.NewResponseController(w)
	out := o.add(a, control)
	defer o.remove(out, control)
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(a.size))
	end := time.Now().Add(slack)
	if !o.extend(out, control, end) {
		return
	}
	w.WriteHeader(a.status)
	for _, piece := range a.pieces {
		if !o.extend(out, control, end) {
			return
		}
		if _, err := w.Write(piece); err != nil {
			return // the client is gone, or does not read
		}
	}
}

// add registers an answer that is being sent, and makes room for it.
func (o *outbox) add(a *answer, to *http.ResponseController) *outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, out := range o.sending {
		if out.answer == a && !out.cut {
			out.to[to] = true
			return out
		}
	}
	out := &outgoing{answer: a, to: map[*http.ResponseController]bool{to: true}}
	o.sending = append(o.sending, out)
	o.size += a.size
	for len(o.sending) > freeAnswers && o.size > freeBytes {
		oldest := o.sending[0]
		oldest.cut = true
		for client := range oldest.to {
			_ = client.SetWriteDeadline(time.Now())
		}
		o.forget(0)
	}
	return out
}

// remove records that sending to a client has ended.
func (o *outbox) remove(out *outgoing, to *http.ResponseController) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(out.to, to)
	if len(out.to) > 0 || out.cut {
		return
	}
	for i := range o.sending {
		if o.sending[i] == out {
			o.forget(i)
			return
		}
	}
}

// forget removes an answer. o.mu must be held.
func (o *outbox) forget(i int) {
	o.size -= o.sending[i].size
	o.sending = append(o.sending[:i], o.sending[i+1:]...)
}

// extend gives a client time to read the next piece. It reports false if
// sending was aborted.
func (o *outbox) extend(out *outgoing, to *http.ResponseController, end time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if out.cut {
		return false
	}
	deadline := time.Now().Add(stalled)
	if deadline.After(end) {
		deadline = end
	}
	_ = to.SetWriteDeadline(deadline) // tests may not have it
	return true
}
