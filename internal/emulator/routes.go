package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds what is read of a request.
const maxBody = 1 << 20

// handle answers one operation; Server.mu is held.
type handle func(s *Server, r *http.Request, body []byte) answer

// routes sets up the mux.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for _, route := range []struct {
		pattern, operation string
		handle             handle
	}{
		{"GET /v3/projects", "list_projects", (*Server).listProjects},
		{"GET /v2/{project}/instances", "list_instances", (*Server).listInstances},
		{"GET /v2/{project}/instances-logical-nodes", "list_project_nodes", (*Server).listProjectNodes},
		{"GET /v2/{project}/instances/{instance}", "show_instance", (*Server).showInstance},
		{"GET /v2/{project}/instances/{instance}/logical-nodes", "list_nodes", (*Server).listNodes},
		{"GET /v2/{project}/instances/{instance}/clients", "list_clients", (*Server).listClients},
		{"POST /v2/{project}/instances/{instance}/clients", "scan_clients", (*Server).scanClients},
	} {
		s.mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, route.operation, route.handle)
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, "", func(*Server, *http.Request, []byte) answer {
			return gatewayFailure(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment", "")
		})
	})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// serve takes a request through faults, signature and quota to its handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, operation string, h handle) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	var named struct {
		NodeID string `json:"node_id"`
	}
	_ = json.Unmarshal(body, &named) // a body that is no JSON names no node
	request := describe(r, operation, named.NodeID)

	s.mu.Lock()
	s.requests++
	id := requestID(s.requests)
	fault := s.fault(request, true)
	if fault == nil {
		if refused, denied := s.refuse(r, body, id, request); denied {
			s.record(request, refused.status)
			w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
			s.mu.Unlock()
			refused.send(w, r, id, 0)
			return
		}
		fault = s.fault(request, false)
	}
	s.mu.Unlock()

	if fault != nil && !fault.wait(r, s.ended) {
		s.mu.Lock()
		s.record(request, 0)
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	var a answer
	instead := false
	cut := 0
	if fault != nil {
		a, instead = fault.instead(id)
		cut = fault.CutAfter
	}
	s.mu.Lock()
	if !instead {
		a = h(s, r, body)
		if fault != nil && fault.Rewrite != nil {
			a.body = fault.Rewrite(bytes.Clone(a.body))
		}
	}
	if fault != nil && fault.Header != nil {
		a.header = fault.Header
	}
	s.record(request, a.status)
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	s.mu.Unlock()
	a.send(w, r, id, cut)
}

// refuse checks who asks, for what project and how often; s.mu is held.
func (s *Server) refuse(r *http.Request, body []byte, id string, request Request) (answer, bool) {
	iam := request.Operation == "list_projects"
	key, why := s.authorize(r, body)
	if why != "" {
		if iam {
			return iamFailure(http.StatusUnauthorized, why), true
		}
		return gatewayFailure(http.StatusUnauthorized, "APIGW.0301", why, id), true
	}
	if !iam && request.ProjectID != "" && !slices.Contains(key.Projects, request.ProjectID) {
		return failure(http.StatusForbidden, "DCS.2003", "Access denied: no permission for this project."), true
	}
	if s.o.Quota > 0 {
		if second := s.o.Now().Unix(); second != s.second {
			s.second = second
			clear(s.window)
		}
		if s.window[request.ProjectID]++; s.window[request.ProjectID] > s.o.Quota {
			a := gatewayFailure(http.StatusTooManyRequests, "APIGW.0308", "The throttling threshold has been reached", id)
			if s.o.RetryAfter > 0 {
				a.header = http.Header{"Retry-After": {strconv.Itoa(int(s.o.RetryAfter.Seconds()))}}
			}
			return a, true
		}
	}
	return answer{}, false
}

// find returns the instance that a request is about, or what to say instead.
func (s *Server) find(r *http.Request) (*instanceState, answer, bool) {
	k := s.index(r.PathValue("instance"))
	if k < 0 || s.instances[k].ProjectID != r.PathValue("project") {
		return nil, failure(http.StatusNotFound, "DCS.3022", "The instance does not exist."), false
	}
	return s.instances[k], answer{}, true
}

// window reads offset and limit and applies them to n elements.
func window(r *http.Request, n, fallback, most int) (from, to int, valid bool) {
	query := r.URL.Query()
	offset, limit := 0, fallback
	for name, value := range map[string]*int{"offset": &offset, "limit": &limit} {
		if text := query.Get(name); text != "" {
			parsed, err := strconv.Atoi(text)
			if err != nil {
				return 0, 0, false
			}
			*value = parsed
		}
	}
	if offset < 0 || limit < 1 || limit > most {
		return 0, 0, false
	}
	from = min(offset, n)
	return from, min(from+limit, n), true
}

func badParameter(what string) answer {
	return failure(http.StatusBadRequest, "DCS.4800", "Invalid parameter: "+what+".")
}

func (s *Server) listProjects(r *http.Request, _ []byte) answer {
	name := r.URL.Query().Get("name")
	ids, set := s.extra[name]
	if !set && (name == "" || name == s.o.Region) {
		known := make(map[string]bool)
		for _, i := range s.instances {
			known[i.ProjectID] = true
		}
		ids = slices.Sorted(maps.Keys(known))
	}
	projects := []map[string]any{}
	for _, id := range ids {
		projects = append(projects, map[string]any{"id": id, "name": name, "domain_id": "d78cbac186b744899480f25bd022f468", "parent_id": "d78cbac186b744899480f25bd022f468", "is_domain": false, "enabled": true, "description": "", "links": map[string]string{"self": ""}})
	}
	return ok(map[string]any{"links": map[string]any{"self": "", "next": nil, "previous": nil}, "projects": projects})
}

func (s *Server) listInstances(r *http.Request, _ []byte) answer {
	query := r.URL.Query()
	var found []map[string]any
	for _, i := range s.instances {
		if i.ProjectID == r.PathValue("project") &&
			(query.Get("status") == "" || query.Get("status") == i.Status) &&
			strings.Contains(i.Name, query.Get("name")) &&
			(query.Get("name_equal") == "" || query.Get("name_equal") == i.Name) &&
			(query.Get("instance_id") == "" || query.Get("instance_id") == i.ID) &&
			(query.Get("ip") == "" || strings.Contains(i.ip(), query.Get("ip"))) {
			found = append(found, i.render())
		}
	}
	from, to, valid := window(r, len(found), 10, 1000)
	if !valid {
		return badParameter("offset or limit")
	}
	return ok(map[string]any{"instance_num": len(found), "instances": append([]map[string]any{}, found[from:to]...)})
}

func (s *Server) showInstance(r *http.Request, _ []byte) answer {
	i, a, found := s.find(r)
	if !found {
		return a
	}
	return ok(i.render())
}

func (s *Server) listNodes(r *http.Request, _ []byte) answer {
	i, a, found := s.find(r)
	if !found {
		return a
	}
	return ok(map[string]any{"instance_id": i.ID, "total": len(i.Nodes), "nodes": i.renderNodes()})
}

func (s *Server) listProjectNodes(r *http.Request, _ []byte) answer {
	var all []map[string]any
	for _, i := range s.instances {
		if i.ProjectID == r.PathValue("project") {
			all = append(all, map[string]any{"instance_id": i.ID, "node_count": len(i.Nodes), "nodes": i.renderNodes()})
		}
	}
	from, to, valid := window(r, len(all), 10, 100)
	if !valid {
		return badParameter("offset or limit")
	}
	return ok(map[string]any{"count": len(all), "instances": append([]map[string]any{}, all[from:to]...)})
}

func (i *instanceState) ip() string {
	if len(i.Nodes) == 0 {
		return ""
	}
	return i.Nodes[0].IP
}

// render gives an instance the form that the API gives it.
func (i *instanceState) render() map[string]any {
	zones := []string{}
	for _, n := range i.Nodes {
		if !slices.Contains(zones, n.AZCode) {
			zones = append(zones, n.AZCode)
		}
	}
	tags := []map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		tags = append(tags, map[string]string{"key": k, "value": i.Tags[k]})
	}
	enterprise := i.EnterpriseProjectID
	if enterprise == nil {
		enterprise = "0"
	}
	return map[string]any{
		"instance_id": i.ID, "name": i.Name, "engine": i.Engine, "engine_version": i.EngineVersion, "spec_code": i.SpecCode,
		"status": i.Status, "enterprise_project_id": enterprise, "ip": i.ip(), "port": 6379, "az_codes": zones, "tags": tags,
		"capacity": 2, "charging_mode": 0, "features": map[string]bool{"support_acl": true},
	}
}

// renderNodes gives the nodes the form that the API gives them.
func (i *instanceState) renderNodes() []map[string]any {
	out := []map[string]any{}
	for k, n := range i.Nodes {
		out = append(out, map[string]any{
			"logical_node_id": "logical-" + n.ID, "name": n.Name, "status": "Active", "az_code": n.AZCode,
			"node_role": n.Role, "node_type": n.Type, "node_ip": n.IP, "node_port": "6379", "node_id": n.ID,
			"priority_weight": 100, "is_access": true, "group_id": "group-" + n.GroupName, "group_name": n.GroupName, "is_remove_ip": false,
			"replication_id": "replication-" + strconv.Itoa(k), "dimensions": []map[string]string{{"name": "dcs_instance_id", "value": i.ID}},
		})
	}
	return out
}
