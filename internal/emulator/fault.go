package emulator

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Fault makes matching requests fail. Empty fields match everything or do
// nothing: a fault with only a Delay sends the real answer late. If several match
// a request, the first one hits it; if that has BeforeAuth and gives no answer,
// another one without BeforeAuth may hit it too.
type Fault struct {
	Operation  string // such as list_clients; routes in handler.go has all of them
	InstanceID string
	NodeID     string
	Offset     *int // offset of list_clients; see At
	Times      int  // maximum number of requests that it hits, 0 for all

	BeforeAuth bool // it hits before the signature is checked

	Delay       time.Duration // before the answer
	Hang        bool          // no answer until the client disconnects or the server closes
	Reset       bool          // the connection is closed without an answer
	CutAfter    int           // the connection breaks after this many bytes of the body
	Status      int           // replaces the status; default 400 with Code, 200 with Body
	Code        string        // error_code
	Message     string        // error_msg
	Body        []byte        // replaces the body made of Code and Message
	ContentType string        // default JSON
	Header      http.Header   // added to the answer, such as Retry-After

	// Rewrite, if set, changes the body of the answer.
	Rewrite func(body []byte) []byte

	hits int
}

// At returns an offset for Fault.Offset.
func At(offset int) *int { return &offset }

// AddFault adds a fault.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// SetFaults replaces all faults.
func (s *Server) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() { s.SetFaults() }

// fault returns the fault that hits a request, nil for none.
func (s *Server) fault(r Request, beforeAuth bool) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.BeforeAuth != beforeAuth || !f.matches(r) || (f.Times > 0 && f.hits >= f.Times) {
			continue
		}
		f.hits++
		return f
	}
	return nil
}

func (f *Fault) matches(r Request) bool {
	return (f.Operation == "" || f.Operation == r.Operation) &&
		(f.InstanceID == "" || strings.EqualFold(f.InstanceID, r.InstanceID)) &&
		(f.NodeID == "" || f.NodeID == r.NodeID) &&
		(f.Offset == nil || *f.Offset == r.Offset)
}

// wait delays a request, and reports whether to answer it.
func (f *Fault) wait(r *http.Request, ended <-chan struct{}) bool {
	switch {
	case f == nil:
		return true
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-ended:
		}
		return false
	case f.Delay > 0:
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		case <-ended:
		}
	}
	return !f.Reset
}

// instead returns the fault's own answer, and whether it has one.
func (f *Fault) instead(id string) (answer, bool) {
	switch {
	case f == nil:
		return answer{}, false
	case f.Body != nil:
		return answer{status: cmp.Or(f.Status, http.StatusOK), body: f.Body}, true
	case strings.HasPrefix(f.Code, "API"):
		return gatewayFailure(cmp.Or(f.Status, http.StatusBadRequest), f.Code, f.Message, id), true
	case f.Code != "":
		return failure(cmp.Or(f.Status, http.StatusBadRequest), f.Code, f.Message), true
	case f.Status != 0:
		return answer{status: f.Status, body: []byte{}}, true
	default:
		return answer{}, false
	}
}

// change applies the fault to an answer.
func (f *Fault) change(a answer) answer {
	if f == nil {
		return a
	}
	if f.Rewrite != nil {
		a.body = f.Rewrite(bytes.Clone(a.body))
	}
	if f.Header != nil || f.ContentType != "" {
		header := http.Header{}
		maps.Copy(header, a.header)
		maps.Copy(header, f.Header)
		if f.ContentType != "" {
			header.Set("Content-Type", f.ContentType)
		}
		a.header = header
	}
	if f.CutAfter > 0 {
		a.cut = f.CutAfter
	}
	return a
}
