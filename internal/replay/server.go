// Package replay serves a recording of the DCS API as if it were the API itself.
//
// A request is answered as the same request was when it was recorded last. A page
// of a list that was read with other limits is cut from the pages that were
// recorded. Times are moved, so that lists are as old when the replay begins as
// they were when they were recorded; a scan makes the recorded list a new one.
// Keys are not checked.
package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"dcs_session_exporter/internal/recording"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// Server serves a recording. It is made by New, and is safe for concurrent use.
type Server struct {
	manifest recording.Manifest
	answers  map[string]*answer // by request
	lists    map[string]*list   // by path and node
	shift    time.Duration      // from the recording to the replay
	now      func() time.Time

	mu      sync.Mutex
	scanned map[string]time.Time // when a list was last scanned in the replay, by its key in lists
}

// id is what may stand in a configuration as an id or a region.
var id = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// New returns a server for a recording, which begins at the present time of now.
func New(r *recording.Recording, now func() time.Time) (*Server, error) {
	s := &Server{manifest: r.Manifest, answers: make(map[string]*answer), lists: make(map[string]*list), now: now, scanned: make(map[string]time.Time)}
	for _, p := range r.Manifest.Projects {
		ids := append([]string{p.Region}, p.Discovered...)
		for _, i := range p.Configured {
			ids = append(append(ids, i.ID), i.Nodes...)
		}
		if p.ID != "" {
			ids = append(ids, p.ID)
		}
		for _, text := range ids {
			if !id.MatchString(text) {
				return nil, fmt.Errorf("invalid recording: %.100q is not an id", text)
			}
		}
	}
	if len(r.Manifest.Projects) == 0 {
		return nil, errors.New("invalid recording: its manifest has no projects")
	}
	var last time.Time
	for i := range r.Exchanges {
		x := &r.Exchanges[i]
		if x.At.After(last) {
			last = x.At
		}
		a := newAnswer(x)
		s.answers[requestKey(x.Request.Method, x.Request.Path, x.Request.Query.Encode(), nodeOf(x.Request.Body))] = a
		s.addPage(x, a)
	}
	s.shift = now().Sub(last)
	return s, nil
}

// requestKey returns what tells a request from others. Ids are the same in upper
// and lower case.
func requestKey(method, path, query, node string) string {
	return method + " " + strings.ToLower(path) + "?" + query + " " + node
}

// nodeOf returns the node that a request's body names, "" for none.
func nodeOf(body []byte) string {
	var named struct {
		NodeID string `json:"node_id"`
	}
	_ = json.Unmarshal(body, &named) // a body that is not JSON names none
	return named.NodeID
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is too large, or was not sent to its end", http.StatusBadRequest)
		return
	}
	query := r.URL.Query()
	node := nodeOf(body)
	a := s.answers[requestKey(r.Method, r.URL.Path, query.Encode(), node)]
	isClients := strings.HasSuffix(r.URL.Path, "/clients")
	switch {
	case r.Method == http.MethodPost && isClients:
		if a == nil {
			a = made(http.StatusOK, map[string]string{"job_id": "replayed"})
		}
		if a.response != nil && a.response.Status < 300 {
			s.scan(listKey(r.URL.Path, node))
		}
	case a == nil && r.Method == http.MethodGet:
		a = s.derive(r.URL.Path, query)
	}
	if a == nil {
		a = made(http.StatusNotFound, map[string]string{
			"error_code": "REPLAY.404", "error_msg": "the recording has no such request: " + r.Method + " " + r.URL.Path,
		})
	}
	shift := s.shift
	if isClients {
		shift = s.shiftOf(listKey(r.URL.Path, query.Get("node_id")))
	}
	a.send(w, s.now(), shift)
}

// scan makes a list a new one.
func (s *Server) scan(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scanned[key] = s.now()
}

// shiftOf returns by how much the times of a list are moved.
func (s *Server) shiftOf(key string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, scanned := s.scanned[key]
	if l := s.lists[key]; scanned && l != nil && !l.taken.IsZero() {
		return at.Sub(l.taken)
	}
	return s.shift
}
