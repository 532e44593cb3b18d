// Package emulator emulates the DCS API: it verifies signatures, scans nodes,
// pages, filters and sorts session lists, and fails as the API does, or on
// demand. It is meant for loopback, and used by tests, the demo and development.
//
// A request passes through faults with BeforeAuth (fault.go), the signature check
// (auth.go), the quota, the other faults, and then its operation. handler.go has
// the routes.
package emulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Key is an access key that the API accepts.
type Key struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string   // required with each request, "" for a permanent key
	Projects      []string // ids of the projects that it may use
}

// Server is the emulated API. It implements http.Handler. Use New to make one.
type Server struct {
	now   func() time.Time
	mux   *http.ServeMux
	ended chan struct{} // closed by Close: ends hanging requests
	jobs  atomic.Int64  // number of scans requested

	mu        sync.Mutex
	o         Options
	keys      map[string]*keyState
	instances []*instanceState // in the order of Add
	faults    []*Fault
	chaos     chaos
	log       []Request
	requests  int            // total number, including those no longer in log
	window    map[string]int // requests in the current second, by project
	second    int64
	counts    map[string]int      // number of requests, by operation
	extra     map[string][]string // additional project ids in IAM, by region
	agencies  []Agency
	assumed   int // keys given for them
}

// New returns an API without instances and keys.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Region == "" {
		o.Region = DemoRegion
	}
	s := &Server{
		o: o, now: o.Now, ended: make(chan struct{}), keys: make(map[string]*keyState), extra: make(map[string][]string),
		window: make(map[string]int), counts: make(map[string]int),
	}
	s.routes()
	return s
}

// Close ends hanging requests. The server can still be used.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

// SetKey adds a key, or replaces the one with the same access key.
func (s *Server) SetKey(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.AccessKey] = &keyState{Key: k}
}

// RemoveKey removes a key.
func (s *Server) RemoveKey(accessKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, accessKey)
}

// SetOptions changes the options, except Now and Region.
func (s *Server) SetOptions(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	region := s.o.Region
	change(&s.o)
	s.o.Now, s.o.Region = s.now, region
}

// SetProjectsAtIAM sets the project ids that IAM lists for a region's name, in
// place of the instances' projects.
func (s *Server) SetProjectsAtIAM(region string, ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extra[region] = ids
}

// Add adds instances, or replaces those with the same id.
func (s *Server) Add(instances ...Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range instances {
		state := newInstanceState(i)
		if k := s.index(i.ID); k >= 0 {
			s.instances[k] = state
		} else {
			s.instances = append(s.instances, state)
		}
	}
}

// Remove removes an instance.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.index(id); k >= 0 {
		s.instances = slices.Delete(s.instances, k, k+1)
	}
}

// Change changes an instance, its nodes and their sources. Nodes keep their
// lists.
func (s *Server) Change(id string, change func(*Instance)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.index(id)
	if k < 0 {
		return
	}
	old := s.instances[k]
	changed := old.Instance
	changed.Nodes = slices.Clone(old.Nodes)
	change(&changed)
	state := newInstanceState(changed)
	for node, list := range old.lists {
		if _, ok := state.lists[node]; ok {
			state.lists[node] = list
		}
	}
	s.instances[k] = state
}

// Frozen returns a node's current list, and whether it has one. It returns the
// whole list of the last finished scan, even if pages hide sessions.
func (s *Server) Frozen(instanceID, nodeID string) (Snapshot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.index(instanceID)
	if k < 0 {
		return Snapshot{}, false
	}
	list := s.instances[k].lists[nodeID]
	if list == nil {
		return Snapshot{}, false
	}
	list.settle(s.now())
	if list.current == nil {
		return Snapshot{}, false
	}
	frozen := *list.current
	frozen.Sessions = slices.Clone(frozen.Sessions)
	return frozen, true
}

// index returns the position of an instance, or -1. Ids are not case-sensitive.
// s.mu must be held.
func (s *Server) index(id string) int {
	return slices.IndexFunc(s.instances, func(i *instanceState) bool { return strings.EqualFold(i.ID, id) })
}
