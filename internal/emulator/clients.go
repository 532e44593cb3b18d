package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// timeFormat is how the API writes the time of a list.
const timeFormat = "2006-01-02T15:04:05.000Z"

// sampleTimeout bounds how long a source may take.
const sampleTimeout = 10 * time.Second

// nodeList is the session list of a node: the last one, and the one that a
// scan is taking.
type nodeList struct {
	current *Snapshot
	pending *Snapshot // nil without a scan, or if it has failed
	failed  bool      // the last scan has failed
	running bool
	ready   time.Time // when the scan ends
}

// settle makes the list that a scan has taken the current one, when it is
// done.
func (l *nodeList) settle(now time.Time) {
	if !l.running || now.Before(l.ready) {
		return
	}
	l.running = false
	l.failed = l.pending == nil
	if l.pending != nil {
		l.current, l.pending = l.pending, nil
	}
}

// node checks what scanning and listing have in common: the instance, its
// state and the node.
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

// scanClients takes a new list. The sessions are those of the moment in which
// the scan starts.
func (s *Server) scanClients(r *http.Request, body []byte) answer {
	var request struct {
		NodeID     string `json:"node_id"`
		CleanCache bool   `json:"clean_cache"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return badParameter("the body is not JSON")
	}
	n, list, a, found := s.node(r, request.NodeID)
	if !found {
		return a
	}
	now := s.o.Now()
	list.settle(now)
	job := ok(map[string]string{"job_id": fmt.Sprintf("job-%d", s.requests)})
	switch {
	case list.running:
		return failure(http.StatusBadRequest, "DCS.4957", "This operation is not allowed when the task is in the current state.")
	case list.current != nil && !request.CleanCache:
		return job
	}
	list.running, list.pending, list.ready = true, nil, now.Add(s.o.ScanDuration)
	if n.Sessions == nil {
		list.pending = &Snapshot{Time: now}
		return job
	}
	ctx, cancel := context.WithTimeout(r.Context(), sampleTimeout)
	defer cancel()
	if sessions, raw, err := n.Sessions.Sessions(ctx, now); err == nil {
		sessions, _ = sorted(sessions, "id", false)
		list.pending = &Snapshot{Time: now, Sessions: sessions, Raw: raw}
	}
	return job
}

// clientsPage is the answer of listClients.
type clientsPage struct {
	Time    string    `json:"time"`
	Clients []Session `json:"clients"`
	Count   int       `json:"count"`
}

// listClients gives a page of the list that the last scan has taken.
func (s *Server) listClients(r *http.Request, _ []byte) answer {
	query := r.URL.Query()
	_, list, a, found := s.node(r, query.Get("node_id"))
	if !found {
		return a
	}
	now := s.o.Now()
	list.settle(now)
	switch {
	case list.running && (list.current == nil || s.o.BusyDuringRescan):
		return failure(http.StatusBadRequest, "DCS.4957", "This operation is not allowed when the task is in the current state.")
	case list.current == nil && list.failed:
		return failure(http.StatusInternalServerError, "DCS.4842", "The job has failed.")
	case list.current == nil:
		return failure(http.StatusInternalServerError, "DCS.5000", "Internal service error.")
	}
	sessions := list.current.Sessions
	if addr := query.Get("addr"); addr != "" {
		sessions = fromAddress(sessions, addr)
	}
	order := query.Get("order")
	if order != "" && order != "asc" && order != "desc" {
		return badParameter("order")
	}
	if field := query.Get("sort"); field != "" || order == "desc" {
		if field == "" {
			field = "id"
		}
		var known bool
		if sessions, known = sorted(sessions, field, order == "desc"); !known {
			return badParameter("sort")
		}
	}
	from, to, valid := window(r, len(sessions), 10, 1000)
	if !valid {
		return badParameter("offset or limit")
	}
	taken := list.current.Time
	if s.o.StampAnswers {
		taken = now
	}
	return ok(clientsPage{
		Time:    taken.UTC().Format(timeFormat),
		Clients: append([]Session{}, sessions[from:to]...),
		Count:   len(sessions) + s.o.HiddenSessions,
	})
}
