package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxLog is the maximum number of requests that are remembered.
const maxLog = 100_000

// Request is a request that the API received.
type Request struct {
	Operation  string // as in Fault; "" for no route
	ProjectID  string
	InstanceID string
	NodeID     string
	Offset     int
	Limit      int // 0 if not set
	Status     int // status of the answer, 0 if there was none
	Bytes      int // size of the answer's body, before compression or cutting
	At         time.Time

	Unauthorized bool // the signature or the key was refused
}

// Requests returns the requests received since ResetRequests, oldest first. It
// keeps at least the last 50,000.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Counts returns the number of requests since ResetRequests, by operation.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ResetRequests forgets all received requests.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
	clear(s.counts)
}

// record records how a request was answered. s.mu must be held.
func (s *Server) record(r Request, status, size int) {
	r.Status, r.Bytes, r.At = status, size, s.now()
	s.counts[r.Operation]++
	if len(s.log) == maxLog {
		s.log = slices.Clone(s.log[maxLog/2:])
	}
	s.log = append(s.log, r)
}

// describe returns the parameters of a request. It ignores invalid ones.
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
