package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxBody is the maximum size of a request body, in bytes.
const maxBody = 1 << 20

// handle answers one operation. It locks Server.mu itself.
type handle func(s *Server, r *http.Request, body []byte) answer

// routes sets up the mux.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for _, route := range []struct {
		pattern, operation string
		handle             handle
	}{
		{"GET /v3/projects", opListProjects, (*Server).listProjects},
		{"POST /v5/agencies/assume", opAssumeAgency, (*Server).assumeBySTS},
		{"POST /v3.0/OS-CREDENTIAL/securitytokens", opAssumeAgency, (*Server).assumeByIAM},
		{"GET /v2/{project}/instances", "list_instances", (*Server).listInstances},
		{"GET /v2/{project}/instances-logical-nodes", "list_project_nodes", (*Server).listProjectNodes},
		{"GET /v2/{project}/instances/{instance}", "show_instance", (*Server).showInstance},
		{"GET /v2/{project}/instances/{instance}/logical-nodes", "list_nodes", (*Server).listNodes},
		{"GET /v2/{project}/instances/{instance}/configs", "list_configs", (*Server).listConfigs},
		{"GET /v2/{project}/flavors", "list_flavors", (*Server).listFlavors},
		{"GET /v2/{project}/instances/{instance}/clients", "list_clients", (*Server).listClients},
		{"POST /v2/{project}/instances/{instance}/clients", "scan_clients", (*Server).scanClients},
	} {
		s.mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, route.operation, route.handle)
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "", nil) })
}

// The operations of IAM and STS.
const (
	opListProjects = "list_projects"
	opAssumeAgency = "assume_agency"
)

// ServeHTTP implements http.Handler. Unknown paths and methods are answered with
// 404 APIGW.0101. There are no redirects.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The mux would redirect paths such as //v2.
	if p := r.URL.EscapedPath(); !strings.HasPrefix(p, "/") || p != path.Clean(p) {
		s.serve(w, r, "", nil)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// serve passes a request through faults, signature check and quota to its
// handler. operation is "" for requests that the API does not have.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, operation string, h handle) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	if err != nil && !tooLarge {
		return // the client is gone
	}
	var named struct {
		NodeID string `json:"node_id"`
	}
	_ = json.Unmarshal(body, &named) // a body that is not JSON names no node
	request := describe(r, operation, named.NodeID)

	s.mu.Lock()
	s.requests++
	id := requestID(s.requests)
	s.mu.Unlock()

	attack, rng := s.attack(request)
	x := exchange{s, w, r, id, rng, request}
	if attack != nil && attack.instead != nil {
		attack.instead(x)
		return
	}
	early, late := s.fault(request, true), (*Fault)(nil)
	s.hold(r, early, request)
	a, done := early.instead(id)
	switch {
	case done:
	case operation == "":
		a = gatewayFailure(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment", id)
	case tooLarge:
		a = gatewayFailure(http.StatusRequestEntityTooLarge, "APIGW.0201", "Request entity too large", id)
	default:
		if a, done = s.refuse(r, body, id, request); done {
			request.Unauthorized = a.status == http.StatusUnauthorized
			break
		}
		late = s.fault(request, false)
		s.hold(r, late, request)
		if a, done = late.instead(id); !done {
			a = h(s, r, body)
		}
	}
	a = early.change(late.change(a))
	if attack != nil {
		x.Unauthorized = request.Unauthorized
		attack.change(x, a)
		return
	}

	s.mu.Lock()
	if s.o.BOM {
		a = a.marked()
	}
	s.record(request, a.status, len(a.body))
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	s.mu.Unlock()
	a.send(w, r, id)
}

// hold applies a fault's delay, and aborts the connection if the fault gives no
// answer.
func (s *Server) hold(r *http.Request, f *Fault, request Request) {
	if f.wait(r, s.ended) {
		return
	}
	s.mu.Lock()
	s.record(request, 0, 0)
	s.mu.Unlock()
	panic(http.ErrAbortHandler)
}

// refuse checks the key, its access to the project, and the quota. It reports
// whether the request is refused.
func (s *Server) refuse(r *http.Request, body []byte, id string, request Request) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	iam := request.Operation == opListProjects || request.Operation == opAssumeAgency
	key, why := s.authorize(r, body)
	if why != "" {
		if iam {
			return iamFailure(http.StatusUnauthorized, why), true
		}
		return gatewayFailure(http.StatusUnauthorized, "APIGW.0301", why, id), true
	}
	if !iam && !slices.Contains(key.Projects, request.ProjectID) {
		return failure(http.StatusForbidden, "DCS.2003", "Access denied: no permission for this project."), true
	}
	if s.throttled(request.ProjectID) {
		a := gatewayFailure(http.StatusTooManyRequests, "APIG.0308", "The throttling threshold has been reached", id)
		if s.o.RetryAfter > 0 {
			a.header = http.Header{"Retry-After": {strconv.Itoa(int(s.o.RetryAfter.Seconds()))}}
		}
		return a, true
	}
	return answer{}, false
}

// throttled counts a request of a project, and reports whether it exceeds the
// quota for this second. s.mu must be held.
func (s *Server) throttled(projectID string) bool {
	if s.o.Quota <= 0 {
		return false
	}
	if second := s.now().Unix(); second != s.second {
		s.second = second
		clear(s.window)
	}
	s.window[projectID]++
	return s.window[projectID] > s.o.Quota
}
