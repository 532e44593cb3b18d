package emulator

import (
	"maps"
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
	Bytes      int // of the answer's body, before it was packed or cut
	At         time.Time

	Unauthorized bool // its signature or key was refused
}

// Requests returns the requests received since ResetRequests, the oldest
// first: the last 50,000 at least.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Counts returns how many requests of each operation were received since
// ResetRequests.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetRequests forgets the requests received.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
	clear(s.counts)
}

// record notes how a request was answered; s.mu must be held.
func (s *Server) record(r Request, status, size int) {
	r.Status, r.Bytes, r.At = status, size, s.now()
	s.counts[r.Operation]++
	if len(s.log) == maxLog {
		s.log = slices.Clone(s.log[maxLog/2:])
	}
	s.log = append(s.log, r)
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
