package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"dcs_session_exporter/dcsapi"

	"go.yaml.in/yaml/v3"
)

// defaultIAM is where IAM of a region is.
func defaultIAM(region string) string { return "https://iam." + region + ".myhuaweicloud.com" }

// projects decodes the list of projects.
func (d *decoder) projects(v value) []Project {
	var out []Project
	known := make(map[string]int)     // line of a region and project id, and of a connection
	instances := make(map[string]int) // line of an instance id
	v.sequence(func(e value) {
		p := d.project(e, instances)
		for _, same := range []string{p.Region + " " + p.ProjectID, p.Connection} {
			if same == "" || (same != p.Connection && p.ProjectID == "") {
				continue
			}
			if first, ok := known[same]; ok {
				e.problem("the same project as on line %d: put its instances there, so that both share one rate limit", first)
				break
			}
			known[same] = e.node.Line
		}
		out = append(out, p)
	})
	if v.node.Kind == yaml.SequenceNode && len(v.node.Content) == 0 {
		v.problem("is empty: list the projects to read, each with its region and instances or discover")
	}
	return out
}

// project decodes one project.
func (d *decoder) project(v value, known map[string]int) Project {
	p := Project{ReadReplicas: true, MaxConcurrentRequests: 8, RequestsPerSecond: 20}
	var h httpSettings
	var instances value
	if v.null() {
		v.problem("is empty: a project has a region, and instances or discover")
		return p
	}
	if !v.mapping(fields{
		"region":       func(v value) { v.id(&p.Region) },
		"project_id":   func(v value) { v.id(&p.ProjectID) },
		"endpoint":     func(v value) { v.endpoint(&p.Endpoint) },
		"iam_endpoint": func(v value) { v.endpoint(&p.IAMEndpoint) },
		"credentials": func(v value) {
			v.secret = true
			p.Credentials = d.credentials(v)
		},
		"proxy_url": func(v value) {
			v.secret = true
			h.proxyURL = v
		},
		"no_proxy":                func(v value) { v.text(&h.noProxy) },
		"proxy_from_environment":  func(v value) { v.boolean(&h.fromEnvironment) },
		"tls_config":              func(v value) { p.TLS = d.tls(v) },
		"instances":               func(v value) { instances = v },
		"discover":                func(v value) { p.Discover = d.discover(v) },
		"read_replicas":           func(v value) { v.boolean(&p.ReadReplicas) },
		"max_concurrent_requests": func(v value) { v.integer(&p.MaxConcurrentRequests, 1, 256) },
		"requests_per_second":     func(v value) { v.number(&p.RequestsPerSecond, 1000) },
	}) {
		return p
	}
	p.Proxy = h.proxy(v)
	d.endpoints(v, &p)
	switch {
	case instances.node != nil:
		p.Instances = d.instances(instances, known)
	case p.Discover == nil:
		v.at("instances").problem("is missing: list the instances to read, or set discover: {} to read all there are")
	}
	p.Connection = p.connection(h)
	return p
}

// endpoints fills in what follows from the region.
func (d *decoder) endpoints(v value, p *Project) {
	if p.Region == "" {
		if !v.has("region") {
			v.at("region").problem("is missing: name the region, such as cn-north-4")
		}
		return
	}
	if p.Endpoint == "" && !v.has("endpoint") {
		endpoint, err := dcsapi.Endpoint(p.Region)
		if err != nil {
			v.at("region").problem("%s %v", v.quoted(p.Region), err)
		}
		p.Endpoint = endpoint
	}
	if p.IAMEndpoint == "" {
		p.IAMEndpoint = defaultIAM(p.Region)
	}
}

// instances decodes the instances of a project. known are all instances of the
// configuration.
func (d *decoder) instances(v value, known map[string]int) []Instance {
	var out []Instance
	v.sequence(func(e value) {
		var i Instance
		if e.null() {
			e.problem("is empty: an instance has an id")
			return
		}
		if !e.mapping(fields{
			"id":          func(v value) { v.id(&i.ID) },
			"nodes":       func(v value) { i.Nodes = v.nodes() },
			"max_clients": func(v value) { v.integer(&i.MaxClients, 1, 1<<31-1) },
		}) {
			return
		}
		if i.ID == "" {
			if !e.has("id") {
				e.at("id").problem("is missing: give the instance's id")
			}
			return
		}
		if first, ok := known[i.ID]; ok {
			e.at("id").problem("%s is listed already on line %d: an instance is read once", e.quoted(i.ID), first)
			return
		}
		known[i.ID] = e.at("id").node.Line
		out = append(out, i)
	})
	if v.node.Kind == yaml.SequenceNode && len(v.node.Content) == 0 {
		v.problem("is empty: list the instances to read")
	}
	return out
}

// nodes decodes the ids of an instance's nodes.
func (v value) nodes() []string {
	var out []string
	seen := make(map[string]bool)
	v.sequence(func(e value) {
		var id string
		e.id(&id)
		if seen[id] && id != "" {
			e.problem("%s is listed twice", e.quoted(id))
		}
		seen[id] = true
		out = append(out, id)
	})
	if v.node.Kind == yaml.SequenceNode && len(v.node.Content) == 0 {
		v.problem("is empty: name nodes, or leave the key out to read all that hold sessions")
	}
	return out
}

// endpoint decodes a base URL. Errors of net/url are not repeated: a URL may
// hold a password.
func (v value) endpoint(to *string) {
	s, ok := v.scalar("a URL")
	if !ok {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, !isHost(u), u.Scheme != "https" && u.Scheme != "http":
		v.problem("is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com")
	case u.User != nil, strings.ContainsAny(s, "?#"), u.Path != "" && u.Path != "/":
		v.problem("must be a base URL: scheme, host and port only")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		v.problem("must begin with https://: http:// is for loopback only")
	default:
		*to = u.Scheme + "://" + u.Host
	}
}

// isHost tells whether a URL names a host, and a good port if any.
func isHost(u *url.URL) bool {
	host, port := u.Hostname(), u.Port()
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return !strings.HasSuffix(u.Host, ":")
	}
	return host != "" && !strings.HasSuffix(u.Host, ":") && !strings.ContainsFunc(host, func(r rune) bool { return !isWord(r) && r != '.' })
}

// isLoopback tells whether a host is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
