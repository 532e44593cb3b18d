package replay

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/recording"
)

// Config returns a configuration of the exporter, as YAML, that reads what the
// recorded one did from a server at a base URL.
func (s *Server) Config(baseURL string) string {
	var b strings.Builder
	b.WriteString("projects:\n")
	for _, p := range s.manifest.Projects {
		fmt.Fprintf(&b, "  - region: %q\n", p.Region)
		if p.ID != "" {
			fmt.Fprintf(&b, "    project_id: %q\n", p.ID)
		}
		fmt.Fprintf(&b, "    endpoint: %s\n    iam_endpoint: %s\n", baseURL, baseURL)
		fmt.Fprintf(&b, "    credentials:\n      access_key: %s\n      secret_key: %s\n", emulator.DemoAccessKey, emulator.DemoSecretKey)
		if !p.ReadReplicas {
			b.WriteString("    read_replicas: false\n")
		}
		instances := p.Configured
		pattern, named := s.namePattern(p)
		maxClients := ""
		if p.MaxClients > 0 {
			maxClients = fmt.Sprintf(", max_clients: %d", p.MaxClients)
		}
		switch {
		case p.Discover == recording.DiscoverAll:
			fmt.Fprintf(&b, "    discover: {%s}\n", strings.TrimPrefix(maxClients, ", "))
		case p.Discover == recording.DiscoverSome && named:
			fmt.Fprintf(&b, "    discover: {name: %q%s}\n", pattern, maxClients)
		case p.Discover == recording.DiscoverSome:
			for _, id := range p.Discovered {
				instances = append(instances, recording.Instance{ID: id, MaxClients: p.MaxClients})
			}
		}
		if len(instances) > 0 {
			b.WriteString("    instances:\n")
		}
		for _, i := range instances {
			fmt.Fprintf(&b, "      - id: %q\n", i.ID)
			if len(i.Nodes) > 0 {
				fmt.Fprintf(&b, "        nodes: [%s]\n", `"`+strings.Join(i.Nodes, `", "`)+`"`)
			}
			if i.MaxClients > 0 {
				fmt.Fprintf(&b, "        max_clients: %d\n", i.MaxClients)
			}
		}
	}
	return b.String()
}

// plainName is a name that means itself in a regular expression.
var plainName = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

// namePattern returns a regular expression for the names of the instances that were
// discovered by what the recording has replaced. ok is false if their names do
// not tell them from the project's others.
func (s *Server) namePattern(p recording.Project) (pattern string, ok bool) {
	if len(p.Discovered) == 0 {
		return "^no instance$", true
	}
	l := s.lists[listKey("/v2/"+p.ID+"/instances", "")]
	if l == nil {
		return "", false
	}
	var names []string
	others := make(map[string]bool)
	for _, e := range l.elements() {
		name := valueOf(e, "name")
		if slices.ContainsFunc(p.Discovered, func(id string) bool { return strings.EqualFold(id, valueOf(e, "instance_id")) }) {
			names = append(names, name)
		} else {
			others[name] = true
		}
	}
	for _, name := range names {
		if others[name] || !plainName.MatchString(name) {
			return "", false
		}
	}
	return "^(" + strings.Join(names, "|") + ")$", len(names) == len(p.Discovered)
}
