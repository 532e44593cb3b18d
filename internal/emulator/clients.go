package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// sampleTimeout is how long a source may take.
const sampleTimeout = 10 * time.Second

// nodeList holds the session lists of a node: the current one, and the one that
// a scan is taking.
type nodeList struct {
	current *Snapshot
	pending *Snapshot // nil without a scan, or if it failed
	failed  bool      // the last scan failed
	running bool
	sampled bool      // the scan has its sessions, or failed to get them
	ready   time.Time // when the scan ends, if it has its sessions by then
}

// settle makes a finished scan's list the current one.
func (l *nodeList) settle(now time.Time) {
	if !l.running || !l.sampled || now.Before(l.ready) {
		return
	}
	l.running = false
	l.failed = l.pending == nil
	if l.pending != nil {
		l.current, l.pending = l.pending, nil
	}
}

// node does the checks that scanning and listing share: the instance, its state
// and the node. s.mu must be held.
func (s *Server) node(r *http.Request, nodeID string) (Node, *nodeList, answer, bool) {
	i, a, found := s.find(r)
	switch {
	case !found:
		return Node{}, nil, a, false
	case i.Status != "RUNNING":
		return Node{}, nil, failure(http.StatusBadRequest, "DCS.4026", "The instance is not running."), false
	case i.Unsupported:
		return Node{}, nil, failure(http.StatusBadRequest, "DCS.4848", "The instance does not support session management."), false
	case nodeID == "":
		return Node{}, nil, badParameter("node_id is missing"), false
	}
	n, found := i.node(nodeID)
	if !found {
		return Node{}, nil, failure(http.StatusBadRequest, "DCS.3053", "The node does not exist."), false
	}
	return n, i.lists[nodeID], answer{}, true
}

// scanClients takes a new list, with the sessions at the start of the scan.
func (s *Server) scanClients(r *http.Request, body []byte) answer {
	var request struct {
		NodeID     string `json:"node_id"`
		CleanCache bool   `json:"clean_cache"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return badParameter("the body is not JSON")
	}
	now := s.now()
	job := ok(map[string]string{"job_id": fmt.Sprintf("8abfa7a9%024x", s.jobs.Add(1))})
	source, list, a, started := s.startScan(r, request.NodeID, request.CleanCache, now)
	switch {
	case !started && a.status != 0:
		return a
	case !started:
		return job
	}
	// Read the source without holding the lock: a slow one must not block others.
	taken := sample(r.Context(), source, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	list.pending, list.sampled = taken, true
	return job
}

// startScan marks a node's list as being scanned. If it does not start a scan,
// it returns why, or an empty answer if the existing list is kept.
func (s *Server) startScan(r *http.Request, nodeID string, clean bool, now time.Time) (Source, *nodeList, answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.RefuseScans {
		return nil, nil, failure(http.StatusForbidden, "DCS.2003", "Access denied: no permission to scan."), false
	}
	n, list, a, found := s.node(r, nodeID)
	if !found {
		return nil, nil, a, false
	}
	list.settle(now)
	switch {
	case list.running:
		return nil, nil, busy(), false
	case list.current != nil && !clean:
		return nil, nil, answer{}, false
	}
	list.running, list.sampled, list.pending, list.ready = true, false, nil, now.Add(s.o.ScanDuration)
	return n.Sessions, list, answer{}, true
}

// sample reads the sessions of a source; it returns nil if that fails. A client
// that disconnects does not end the scan that it requested.
func sample(ctx context.Context, source Source, now time.Time) *Snapshot {
	if source == nil {
		return &Snapshot{Time: now}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sampleTimeout)
	defer cancel()
	sessions, raw, err := source.Sessions(ctx, now)
	if err != nil {
		return nil
	}
	sessions, _ = sorted(sessions, "id", false)
	return &Snapshot{Time: now, Sessions: sessions, Raw: raw}
}

func busy() answer {
	return failure(http.StatusBadRequest, "DCS.4957", "This operation is not allowed when the task is in the current state.")
}

// clientsPage is the body of a listClients answer.
type clientsPage struct {
	Time    json.RawMessage `json:"time,omitempty"`
	Clients []Session       `json:"clients"`
	Count   int64           `json:"count"`
}

// listClients returns a page of the list that the last scan took.
func (s *Server) listClients(r *http.Request, _ []byte) answer {
	query := r.URL.Query()
	now := s.now()
	list, o, a, found := s.current(r, query.Get("node_id"), now)
	if !found {
		return a
	}
	timeForm, known := timeForms[o.TimeForm]
	if !known {
		return failure(http.StatusInternalServerError, "DCS.5000", "emulator: unknown TimeForm "+o.TimeForm)
	}
	sessions := o.distort(list.Sessions)
	if addr := query.Get("addr"); addr != "" {
		sessions = fromAddress(sessions, addr)
	}
	field, order := query.Get("sort"), query.Get("order")
	if order != "" && order != "asc" && order != "desc" {
		return badParameter("order")
	}
	if field != "" || order == "desc" {
		var known bool
		if sessions, known = sorted(sessions, cmp.Or(field, "id"), order == "desc"); !known {
			return badParameter("sort")
		}
	}
	offset, limit, valid := window(r, 10, 1000)
	if !valid {
		return badParameter("offset or limit")
	}
	taken, count := list.Time, int64(len(sessions)+o.HiddenSessions)
	if o.StampAnswers {
		taken = now
	}
	if o.Count != nil {
		count = *o.Count
	}
	return ok(clientsPage{Time: timeForm(taken), Clients: o.page(list.Sessions, sessions, offset, limit), Count: count})
}

// current returns a node's list, or else the answer to give, and the options.
func (s *Server) current(r *http.Request, nodeID string, now time.Time) (Snapshot, Options, answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.listOptions(r.PathValue("instance"))
	_, list, a, found := s.node(r, nodeID)
	if !found {
		return Snapshot{}, o, a, false
	}
	list.settle(now)
	switch {
	case list.running && (list.current == nil || o.BusyDuringRescan):
		return Snapshot{}, o, busy(), false
	case list.current == nil && list.failed:
		return Snapshot{}, o, failure(http.StatusInternalServerError, "DCS.4842", "The job has failed."), false
	case list.current == nil:
		return Snapshot{}, o, failure(http.StatusInternalServerError, "DCS.5000", "Internal service error."), false
	}
	return *list.current, o, answer{}, true
}
