package emulator

import (
	"maps"
	"net/http"
	"slices"
)

// domainID is the account that all projects belong to.
const domainID = "d78cbac186b744899480f25bd022f468"

// listProjects is IAM's lookup of a project's id by the region's name.
func (s *Server) listProjects(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
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
		projects = append(projects, map[string]any{"id": id, "name": name, "domain_id": domainID, "parent_id": domainID, "is_domain": false, "enabled": true, "description": "", "links": map[string]string{"self": ""}})
	}
	return ok(map[string]any{"links": map[string]any{"self": "", "next": nil, "previous": nil}, "projects": projects})
}
