package onlinecheck

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
)

// verifyRegion asks IAM whether the project belongs to the region.
func (c *projectCheck) verifyRegion(ctx context.Context) {
	iam := &c.report.IAM
	if c.refused {
		iam.Detail = "not asked: the key was refused, or there is none"
		return
	}
	if c.config.IAMEndpoint == "" {
		iam.Detail = "not asked: its host cannot be derived from endpoint, and iam_endpoint is not set"
		return
	}
	id := c.api.KnownProjectID()
	if id == "" && dcsapi.ReasonOf(c.refusal) != dcsapi.ReasonNotFound {
		iam.Detail = "not asked again: it did not return the project's id"
		return
	}
	projects, err := c.api.ListProjects(ctx)
	if err != nil {
		iam.Detail = "unknown: " + iamTrouble(err)
		return
	}
	k := slices.IndexFunc(projects, func(p dcsapi.Project) bool { return p.ID == id })
	switch {
	case k >= 0 && isOfRegion(projects[k].Name, c.config.Region):
		iam.RegionMatches = new(true)
		iam.Detail = "the project belongs to " + c.config.Region
	case k >= 0:
		iam.RegionMatches = new(false)
		iam.Detail = "the project belongs to " + regionOf(projects[k].Name)
		c.fold(Finding{
			Severity: SeverityFailure, Reason: reasonRegion,
			Message: fmt.Sprintf("IAM does not know project %s in region %s: it belongs to region %s", id, c.config.Region, regionOf(projects[k].Name)),
			Action:  "set region: " + regionOf(projects[k].Name) + ", or use " + cmp.Or(idsOf(projects, c.config.Region), "a project of "+c.config.Region),
		})
	case id == "" && idsOf(projects, c.config.Region) != "":
		iam.Detail = "it lists several projects of " + c.config.Region
	default:
		iam.Detail = "it does not list the project for this key"
		if c.refusal == nil {
			return // the configuration works anyway
		}
		c.fold(c.unknownProject(id, projects))
	}
}

// unknownProject returns the finding that IAM does not know the configured
// project, with those that it lists.
func (c *projectCheck) unknownProject(id string, projects []dcsapi.Project) Finding {
	which := "a project"
	if id != "" {
		which = "project " + id
	}
	f := Finding{
		Severity: SeverityFailure, Reason: reasonRegion,
		Message: fmt.Sprintf("IAM does not know %s in region %s; for this key it lists %s", which, c.config.Region, cmp.Or(list(projects, c.config.Region), "no project at all")),
		Action:  "use a key of the account that has the project",
	}
	switch ids := idsOf(projects, c.config.Region); {
	case ids != "":
		f.Action = "set " + ids + "; if project_id is right, " + f.Action
	case len(projects) > 0:
		f.Action = "set region and project_id to a pair of these, or " + f.Action
	}
	return f
}

// isOfRegion reports whether a project with this name belongs to a region: it is
// the region's main project, or a subproject.
func isOfRegion(name, region string) bool {
	return name == region || strings.HasPrefix(name, region+"_")
}

// regionOf returns the region in a project's name.
func regionOf(name string) string {
	region, _, _ := strings.Cut(name, "_")
	return region
}

// idsOf lists the ids of a region's projects.
func idsOf(projects []dcsapi.Project, region string) string {
	var ids []string
	for _, p := range projects {
		if isOfRegion(p.Name, region) {
			ids = append(ids, p.ID)
		}
	}
	switch len(ids) {
	case 0:
		return ""
	case 1:
		return "project_id: " + ids[0]
	default:
		return "project_id: one of " + few(ids)
	}
}

// list lists projects with their ids, those of a region first.
func list(projects []dcsapi.Project, region string) string {
	var out, others []string
	for _, p := range projects {
		text := p.Name + " (" + p.ID + ")"
		if isOfRegion(p.Name, region) {
			out = append(out, text)
		} else {
			others = append(others, text)
		}
	}
	return few(append(out, others...))
}

// few joins texts, only the first ones if there are many.
func few(texts []string) string {
	const most = 6
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return strings.Join(texts, ", ")
}

// iamTrouble describes why IAM did not list the projects. The exporter works
// without that list.
func iamTrouble(err error) string {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonForbidden:
		return "the key may not list projects in IAM; the exporter does not need that"
	case dcsapi.ReasonAuth:
		return "IAM refuses the key that DCS accepts: does iam_endpoint belong to this cloud?"
	default:
		return messageOf(err)
	}
}

// otherRegion returns the region in the endpoint's host name, if that is not the
// configured one.
func otherRegion(p *config.Project) string {
	rest, found := strings.CutPrefix(hostOf(p.Endpoint), "dcs.")
	region, domain, _ := strings.Cut(rest, ".")
	if !found || domain == "" || region == p.Region || !strings.Contains(region, "-") {
		return ""
	}
	return region
}

// hostOf returns the host of a base URL, without its port.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Hostname()
}
