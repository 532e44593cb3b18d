package onlinecheck

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
)

// verifyRegion asks IAM whether the project is one of the region.
func (c *projectCheck) verifyRegion(ctx context.Context) {
	iam := &c.report.IAM
	if c.refused {
		iam.Detail = "not asked: the key was refused, or there is none"
		return
	}
	if c.config.IAMEndpoint == "" {
		iam.Detail = "not asked: its host does not follow from endpoint, and iam_endpoint is not set"
		return
	}
	id := c.api.KnownProjectID()
	if id == "" && dcsapi.ReasonOf(c.refusal) != dcsapi.ReasonNotFound {
		iam.Detail = "not asked again: it did not tell the project's id"
		return
	}
	projects, err := c.api.ListProjects(ctx)
	if err != nil {
		iam.Detail = "not known: " + iamTrouble(err)
		return
	}
	k := slices.IndexFunc(projects, func(p dcsapi.Project) bool { return p.ID == id })
	switch {
	case k >= 0 && isOfRegion(projects[k].Name, c.config.Region):
		matches := true
		iam.RegionMatches = &matches
		iam.Detail = "the project is one of " + c.config.Region
	case k >= 0:
		matches := false
		iam.RegionMatches = &matches
		iam.Detail = "the project is one of " + regionOf(projects[k].Name)
		c.fold(Finding{
			Severity: SeverityFailure, Reason: reasonRegion,
			Message: fmt.Sprintf("IAM does not know project %s in region %s: it is one of region %s", id, c.config.Region, regionOf(projects[k].Name)),
			Action:  "set region: " + regionOf(projects[k].Name) + ", or give " + orNone(idsOf(projects, c.config.Region), "a project of "+c.config.Region),
		})
	case id == "" && idsOf(projects, c.config.Region) != "":
		iam.Detail = "it names several projects of " + c.config.Region
	default:
		iam.Detail = "it does not name the project to this key"
		if c.refusal == nil {
			return // it works all the same
		}
		c.fold(c.unknownProject(id, projects))
	}
}

// unknownProject says that IAM does not know the configured project, and which
// ones it names.
func (c *projectCheck) unknownProject(id string, projects []dcsapi.Project) Finding {
	which := "a project"
	if id != "" {
		which = "project " + id
	}
	f := Finding{
		Severity: SeverityFailure, Reason: reasonRegion,
		Message: fmt.Sprintf("IAM does not know %s in region %s; to this key it names %s", which, c.config.Region, orNone(list(projects, c.config.Region), "no project at all")),
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

// isOfRegion tells whether a project of this name belongs to a region: it is
// the region's own, or a subproject.
func isOfRegion(name, region string) bool {
	return name == region || strings.HasPrefix(name, region+"_")
}

// regionOf returns the region that a project's name tells.
func regionOf(name string) string {
	region, _, _ := strings.Cut(name, "_")
	return region
}

// idsOf names the projects of a region.
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

// list names projects with their ids, those of a region first.
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

// few joins texts, the first of them if they are many.
func few(texts []string) string {
	const most = 6
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return strings.Join(texts, ", ")
}

func orNone(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

// iamTrouble says why IAM has not told, which no part of the exporter needs.
func iamTrouble(err error) string {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonForbidden:
		return "the key may not list projects at IAM, which the exporter does not need"
	case dcsapi.ReasonAuth:
		return "IAM refuses the key that DCS takes: is iam_endpoint that of this cloud?"
	default:
		return messageOf(err)
	}
}

// otherRegion returns the region that the endpoint's host names, if that is not
// the configured one.
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
