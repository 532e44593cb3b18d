package emulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// find returns the instance of a request, or else the answer to give. s.mu must
// be held.
func (s *Server) find(r *http.Request) (*instanceState, answer, bool) {
	k := s.index(r.PathValue("instance"))
	if k < 0 || s.instances[k].ProjectID != r.PathValue("project") {
		return nil, failure(http.StatusNotFound, "DCS.3022", "The instance does not exist."), false
	}
	return s.instances[k], answer{}, true
}

// window parses offset and limit. most is the highest allowed limit.
func window(r *http.Request, fallback, most int) (offset, limit int, valid bool) {
	query := r.URL.Query()
	limit = fallback
	for name, value := range map[string]*int{"offset": &offset, "limit": &limit} {
		if text := query.Get(name); text != "" {
			parsed, err := strconv.Atoi(text)
			if err != nil {
				return 0, 0, false
			}
			*value = parsed
		}
	}
	return offset, limit, offset >= 0 && limit >= 1 && limit <= most
}

// slice returns the page of a list at an offset. It never returns nil.
func slice[T any](all []T, offset, limit int) []T {
	from := min(offset, len(all))
	return append([]T{}, all[from:min(from+limit, len(all))]...)
}

func badParameter(what string) answer {
	return failure(http.StatusBadRequest, "DCS.4800", "Invalid parameter: "+what+".")
}

func (s *Server) listInstances(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	found := s.oddInstance(map[string]any{"instance_id": 42, "name": map[string]string{"en": "odd"}, "status": "RUNNING", "engine": "Redis"})
	for _, i := range s.instances {
		if i.ProjectID == r.PathValue("project") &&
			(query.Get("status") == "" || query.Get("status") == i.Status) &&
			strings.Contains(i.Name, query.Get("name")) &&
			(query.Get("name_equal") == "" || query.Get("name_equal") == i.Name) &&
			(query.Get("instance_id") == "" || strings.EqualFold(query.Get("instance_id"), i.ID)) &&
			(query.Get("ip") == "" || strings.Contains(i.ip(), query.Get("ip"))) {
			found = append(found, s.render(i))
		}
	}
	offset, limit, valid := window(r, 10, 1000)
	if !valid {
		return badParameter("offset or limit")
	}
	return ok(map[string]any{"instance_num": len(found), "instances": slice(found, offset, limit)})
}

func (s *Server) showInstance(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, a, found := s.find(r)
	if !found {
		return a
	}
	return ok(s.render(i))
}

func (s *Server) listNodes(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, a, found := s.find(r)
	if !found {
		return a
	}
	nodes := s.renderNodes(i)
	return ok(map[string]any{"instance_id": s.shown(i.ID), "total": len(nodes), "nodes": nodes})
}

func (s *Server) listProjectNodes(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.oddInstance("odd")
	for _, i := range s.instances {
		if i.ProjectID == r.PathValue("project") {
			nodes := s.renderNodes(i)
			all = append(all, map[string]any{"instance_id": s.shown(i.ID), "node_count": len(nodes), "nodes": nodes})
		}
	}
	offset, limit, valid := window(r, 10, 100)
	if !valid {
		return badParameter("offset or limit")
	}
	return ok(map[string]any{"count": len(all), "instances": slice(all, offset, limit)})
}

func (i *instanceState) ip() string {
	if len(i.Nodes) == 0 {
		return ""
	}
	return i.Nodes[0].IP
}

func (i *instanceState) port() int {
	if len(i.Nodes) == 0 {
		return 6379
	}
	return cmp.Or(i.Nodes[0].Port, 6379)
}

// render returns an instance in the API's form. s.mu must be held.
func (s *Server) render(i *instanceState) map[string]any {
	zones := []string{}
	for _, n := range i.Nodes {
		if !slices.Contains(zones, n.AZCode) {
			zones = append(zones, n.AZCode)
		}
	}
	tags := i.OddTags
	if tags == nil {
		tags = i.tags()
	}
	if s.o.OddTags != "" && !s.everySecond(i) {
		tags = json.RawMessage(s.o.OddTags)
	}
	enterprise := i.EnterpriseProjectID
	if enterprise == nil {
		enterprise = "0"
	}
	out := map[string]any{
		"instance_id": s.shown(i.ID), "name": i.Name, "engine": i.Engine, "engine_version": i.EngineVersion, "spec_code": i.SpecCode,
		"status": i.Status, "enterprise_project_id": enterprise, "ip": i.ip(), "port": i.port(), "az_codes": zones, "tags": tags,
		"capacity": i.maxMemory() / 1024, "charging_mode": 0, "max_memory": i.maxMemory(), "enable_ssl": i.SSL,
		"cache_mode": i.cacheMode(), "sharding_count": max(1, i.shards()),
		"features": map[string]bool{"support_acl": true, "support_transparent_client_ip": i.PassThrough != ""},
	}
	if i.PassThrough != "" {
		out["transparent_client_ip_enable"] = i.PassThrough == "on"
	}
	return out
}

// tags returns the tags in the API's form, sorted by key.
func (i *instanceState) tags() []map[string]string {
	tags := []map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		tags = append(tags, map[string]string{"key": k, "value": i.Tags[k]})
	}
	return tags
}

// renderNodes returns the nodes of an instance in the API's form. s.mu must be
// held.
func (s *Server) renderNodes(i *instanceState) []any {
	out := s.oddNode(i)
	for k, n := range i.Nodes {
		out = append(out, map[string]any{
			"logical_node_id": "logical-" + n.ID, "name": n.Name, "status": "Active", "az_code": n.AZCode,
			"node_role": n.Role, "node_type": n.Type, "node_ip": n.IP, "node_port": strconv.Itoa(cmp.Or(n.Port, 6379)), "node_id": n.ID,
			"priority_weight": 100, "is_access": true, "group_id": "group-" + n.GroupName, "group_name": n.GroupName, "is_remove_ip": false,
			"replication_id": "replication-" + strconv.Itoa(k), "dimensions": i.dimensions(s.shown(i.ID), n),
		})
	}
	return out
}
