package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dcs_session_exporter/dcsapi"
)

// Summary describes the configuration, one setting per line. It contains no
// secret.
func (c *Config) Summary() string {
	var b strings.Builder
	for _, p := range c.Projects {
		id := p.ProjectID
		if id == "" {
			id = "from the key's source, or else from IAM at " + p.IAMEndpoint
		}
		fmt.Fprintf(&b, "Project in region %s\n", p.Region)
		fmt.Fprintf(&b, "  id           %s\n", id)
		fmt.Fprintf(&b, "  endpoint     %s\n", p.Endpoint)
		fmt.Fprintf(&b, "  credentials  %s\n", p.Credentials.origin())
		if a := p.AssumeAgency; a != nil {
			fmt.Fprintf(&b, "  agency       %s of account %s, whose keys read the project\n", a.Agency, a.Domain)
		}
		fmt.Fprintf(&b, "  key goes to  %s\n", p.keyGoesTo())
		fmt.Fprintf(&b, "  instances    %s\n", p.scope())
		for _, i := range p.Instances {
			fmt.Fprintf(&b, "    %s  %s\n", i.ID, i.scope(p.ReadReplicas))
		}
		fmt.Fprintf(&b, "  limits       %d requests at once, %v per second\n", p.MaxConcurrentRequests, p.RequestsPerSecond)
		if len(p.FromDefaults) > 0 {
			fmt.Fprintf(&b, "  by defaults  %s\n", strings.Join(p.FromDefaults, ", "))
		}
	}
	if len(c.ClientGroups) > 0 {
		fmt.Fprintf(&b, "Sessions are grouped by %d rules into %s; the others are ungrouped.\n", len(c.ClientGroups), c.groupNames())
	}
	scan := "never taken by the exporter: something else scans"
	if c.Scan.Mode == ScanOnScrape {
		scan = fmt.Sprintf("taken on a scrape, at most every %s; a scrape waits up to %s for them", c.Scan.MinInterval, c.Scan.Wait)
	}
	fmt.Fprintf(&b, "New session lists are %s.\n", scan)
	age := "of any age"
	if c.MaxSnapshotAge > 0 {
		age = "up to " + c.MaxSnapshotAge.String() + " old"
	}
	if c.MetricsEndpoint == MetricsExporter {
		b.WriteString("Only /probe serves sessions, /metrics does not.\n")
	}
	fmt.Fprintf(&b, "Lists %s are used. A scrape takes at most %s.\n", age, c.ScrapeTimeout)
	return b.String()
}

// groupNames lists the groups, few of them by name.
func (c *Config) groupNames() string {
	var names []string
	for _, g := range c.ClientGroups {
		if !slices.Contains(names, g.Group) {
			names = append(names, g.Group)
		}
	}
	const most = 10
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], more)
	}
	return fmt.Sprintf("%q", names)
}

// origin describes where a key comes from.
func (c *Credentials) origin() string {
	if c == nil {
		return "the default chain: environment, profile files, agency, pod identity"
	}
	from := func(s dcsapi.Secret) string {
		if s.File != "" {
			return s.File
		}
		return "this file"
	}
	text := "access key from " + from(c.AccessKey) + ", secret key from " + from(c.SecretKey)
	if c.SecurityToken != (dcsapi.Secret{}) {
		text += ", security token from " + from(c.SecurityToken)
	}
	return text
}

// scope describes which instances of a project are read.
func (p *Project) scope() string {
	listed := strconv.Itoa(len(p.Instances))
	switch {
	case p.Discover == nil:
		return listed
	case len(p.Instances) == 0:
		return p.Discover.String()
	default:
		return listed + ", and " + p.Discover.String()
	}
}

// String describes which instances are selected.
func (d *Discover) String() string {
	text := "all running ones"
	if d.Name != nil {
		text += ", with a name that matches " + strconv.Quote(d.Name.String())
	}
	for _, key := range slices.Sorted(maps.Keys(d.Tags)) {
		text += fmt.Sprintf(", with the tag %q=%q", key, d.Tags[key])
	}
	if d.EnterpriseProjectID != "" {
		text += ", in enterprise project " + strconv.Quote(d.EnterpriseProjectID)
	}
	return text
}

// scope describes which nodes of an instance are read.
func (i Instance) scope(readReplicas bool) string {
	switch {
	case len(i.Nodes) == 1:
		return "1 listed node"
	case i.Nodes != nil:
		return fmt.Sprintf("%d listed nodes", len(i.Nodes))
	case readReplicas:
		return "its proxies, or else all its nodes"
	default:
		return "its proxies, or else its masters"
	}
}
