package emulator

import (
	"maps"
	"net/http"
	"slices"
)

// domainID is the id of the account that owns all projects.
const domainID = "d78cbac186b744899480f25bd022f468"

// listProjects answers IAM's list of projects: those with a name, or all.
func (s *Server) listProjects(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{r.URL.Query().Get("name")}
	if names[0] == "" {
		all := maps.Clone(s.extra)
		all[s.o.Region] = nil
		names = slices.Sorted(maps.Keys(all))
	}
	projects := []map[string]any{}
	for _, name := range names {
		for _, id := range s.projectsOf(name) {
			projects = append(projects, map[string]any{"id": id, "name": name, "domain_id": domainID, "parent_id": domainID, "is_domain": false, "enabled": true, "description": "", "links": map[string]string{"self": ""}})
		}
	}
	return ok(map[string]any{"links": map[string]any{"self": "", "next": nil, "previous": nil}, "projects": projects})
}

// projectsOf returns the ids of the projects with a name. s.mu must be held.
func (s *Server) projectsOf(name string) []string {
	ids, set := s.extra[name]
	if set || name != s.o.Region {
		return ids
	}
	known := make(map[string]bool)
	for _, i := range s.instances {
		known[i.ProjectID] = true
	}
	return slices.Sorted(maps.Keys(known))
}
