package emulator

import (
	"net/http"
	"strings"
	"time"
)

// Fault makes the requests that it matches go wrong. An empty field matches
// everything, or does nothing.
type Fault struct {
	Operation  string // list_clients, scan_clients, list_nodes, list_instances, show_instance, list_project_nodes, list_projects
	InstanceID string
	NodeID     string
	Offset     *int // of list_clients; see At
	Times      int  // how many requests it hits, 0 for all

	BeforeAuth bool // it comes before the signature is checked

	Delay    time.Duration // before the answer
	Hang     bool          // no answer until the client or the server gives up
	Reset    bool          // the connection is closed without an answer
	CutAfter int           // the true answer breaks off after so many bytes
	Status   int           // instead of the true answer's; with Code or Body
	Code     string        // error_code
	Message  string        // error_msg
	Body     []byte        // instead of a body made of Code and Message
	Header   http.Header   // added to the answer, such as Retry-After

	// Rewrite, if set, changes the body of the true answer.
	Rewrite func(body []byte) []byte

	hits int
}

// At returns an offset for a fault.
func At(offset int) *int { return &offset }

// AddFault adds a fault. The first that matches a request is the one that hits
// it.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns the fault that hits a request, nil for none; s.mu is held.
func (s *Server) fault(r Request, beforeAuth bool) *Fault {
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
		(f.InstanceID == "" || f.InstanceID == r.InstanceID) &&
		(f.NodeID == "" || f.NodeID == r.NodeID) &&
		(f.Offset == nil || *f.Offset == r.Offset)
}

// instead returns the answer that the fault gives rather than the true one.
func (f *Fault) instead(id string) (answer, bool) {
	switch {
	case f.Body != nil:
		return answer{status: max(f.Status, http.StatusOK), body: f.Body}, true
	case f.Code != "":
		if strings.HasPrefix(f.Code, "API") {
			return gatewayFailure(f.Status, f.Code, f.Message, id), true
		}
		return failure(f.Status, f.Code, f.Message), true
	case f.Status != 0:
		return answer{status: f.Status, body: []byte{}}, true
	default:
		return answer{}, false
	}
}

// wait holds a request up, and tells whether it is to be answered.
func (f *Fault) wait(r *http.Request, ended <-chan struct{}) bool {
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
		return false
	}
	if f.Delay > 0 {
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
