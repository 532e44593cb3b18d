package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxLog bounds the requests that are remembered.
const maxLog = 100_000

// Request is a request that the API has received.
type Request struct {
	Operation  string // as in Fault; "" for no route
	ProjectID  string
	InstanceID string
	NodeID     string
	Offset     int
	Limit      int // 0 if it was not given
	Status     int // of the answer, 0 if there was none
	At         time.Time
}

// Requests returns the requests received, the oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// ResetRequests forgets the requests received.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// record notes how a request was answered; s.mu is held.
func (s *Server) record(r Request, status int) {
	r.Status, r.At = status, s.o.Now()
	if len(s.log) < maxLog {
		s.log = append(s.log, r)
	}
}

// describe reads what a request is about, leniently.
func describe(r *http.Request, operation string, nodeID string) Request {
	query := r.URL.Query()
	integer := func(name string) int {
		n, _ := strconv.Atoi(query.Get(name))
		return n
	}
	if nodeID == "" {
		nodeID = query.Get("node_id")
	}
	return Request{
		Operation: operation, ProjectID: r.PathValue("project"), InstanceID: r.PathValue("instance"),
		NodeID: nodeID, Offset: integer("offset"), Limit: integer("limit"),
	}
}
