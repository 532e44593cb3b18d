package config

import (
	"cmp"

	"dcs_session_exporter/dcsapi"

	promconfig "github.com/prometheus/common/config"
)

// projects decodes the list of projects.
func (d *decoder) projects(v value) []Project {
	var out []Project
	known := make(map[string]int)     // line by region and project id, and by connection
	instances := make(map[string]int) // line by canonical instance id
	v.sequence(func(e value) {
		e, keys := d.withDefaults(e)
		p := d.project(e, instances)
		p.FromDefaults = keys
		for _, same := range []string{p.Region + " " + p.ProjectID, p.Connection} {
			if same == "" || (same != p.Connection && p.ProjectID == "") {
				continue
			}
			if first, ok := known[same]; ok {
				e.problem("duplicate project (first on line %d): move its instances there, so that they share one rate limit", first)
				break
			}
			known[same] = e.node.Line
		}
		out = append(out, p)
	})
	v.notEmpty("list the projects to read, each with its region and instances or discover")
	return out
}

// project decodes one project.
func (d *decoder) project(v value, known map[string]int) Project {
	p := Project{ReadReplicas: true, MaxConcurrentRequests: 8, RequestsPerSecond: 20}
	var proxy promconfig.ProxyConfig
	var cloud string
	if v.null() {
		v.problem("is empty: a project needs a region, and instances or discover")
		return p
	}
	if !v.mapping(fields{
		"region":       func(v value) { v.id(&p.Region) },
		"cloud":        func(v value) { v.cloud(&cloud) },
		"project_id":   func(v value) { v.projectID(&p.ProjectID) },
		"endpoint":     func(v value) { v.endpoint(&p.Endpoint) },
		"iam_endpoint": func(v value) { v.endpoint(&p.IAMEndpoint) },
		"credentials": func(v value) {
			v.secret = true
			p.Credentials = d.credentials(v)
		},
		"assume_agency": func(v value) { p.AssumeAgency = v.agency() },
		"sts_endpoint":  func(v value) { v.endpoint(&p.STSEndpoint) },
		"proxy_url": func(v value) {
			v.secret = true
			v.proxyURL(&proxy.ProxyURL)
		},
		"no_proxy":                func(v value) { v.text(&proxy.NoProxy) },
		"proxy_from_environment":  func(v value) { v.boolean(&proxy.ProxyFromEnvironment) },
		"tls_config":              func(v value) { p.TLS = d.tls(v) },
		"instances":               func(v value) { p.Instances = d.instances(v, known) },
		"discover":                func(v value) { p.Discover = d.discover(v) },
		"max_clients":             func(v value) { v.maxClients(&p.MaxClients) },
		"read_replicas":           func(v value) { v.boolean(&p.ReadReplicas) },
		"max_concurrent_requests": func(v value) { v.integer(&p.MaxConcurrentRequests, 1, 256) },
		"requests_per_second":     func(v value) { v.number(&p.RequestsPerSecond, 1000) },
	}) {
		return p
	}
	checkProxy(v, &proxy)
	p.Proxy = proxy.Proxy()
	d.endpoints(v, &p, cloud)
	p.setSTSEndpoint(cloud)
	d.checkAgency(v, &p)
	if p.Discover == nil && !v.has("instances") {
		v.at("instances").problem("is missing: list the instances to read, or set discover: {} to read all of them")
	}
	p.setMaxClients()
	p.Connection = p.connection(&proxy, &d.files)
	return p
}

// maxClients decodes a number of connections.
func (v value) maxClients(to *int) { v.integer(to, 1, 1<<31-1) }

// setMaxClients sets the number of connections where only the project has one.
func (p *Project) setMaxClients() {
	for k := range p.Instances {
		p.Instances[k].MaxClients = cmp.Or(p.Instances[k].MaxClients, p.MaxClients)
	}
	if p.Discover != nil {
		p.Discover.MaxClients = cmp.Or(p.Discover.MaxClients, p.MaxClients)
	}
}

// instances decodes the instances of a project. known has the lines of all
// instances of the configuration so far.
func (d *decoder) instances(v value, known map[string]int) []Instance {
	var out []Instance
	v.sequence(func(e value) {
		var i Instance
		if e.null() {
			e.problem("is empty: an instance needs an id")
			return
		}
		if !e.mapping(fields{
			"id":          func(v value) { v.instanceID(&i.ID) },
			"nodes":       func(v value) { i.Nodes = v.nodes() },
			"max_clients": func(v value) { v.maxClients(&i.MaxClients) },
		}) {
			return
		}
		if i.ID == "" {
			if !e.has("id") {
				e.at("id").problem("is missing: set the instance's id")
			}
			return
		}
		canonical := dcsapi.CanonicalInstanceID(i.ID)
		if first, ok := known[canonical]; ok {
			e.at("id").problem("duplicate instance %s (first on line %d)", e.quoted(i.ID), first)
			return
		}
		known[canonical] = e.at("id").node.Line
		out = append(out, i)
	})
	v.notEmpty("list the instances to read")
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
			e.problem("duplicate node %s", e.quoted(id))
		}
		seen[id] = true
		out = append(out, id)
	})
	v.notEmpty("list nodes, or remove the key to read all that hold sessions")
	return out
}
