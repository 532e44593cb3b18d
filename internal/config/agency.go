package config

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"dcs_session_exporter/dcsapi"
)

// agency decodes an agency.
func (v value) agency() *Agency {
	var a Agency
	if !v.mapping(fields{
		"domain": func(v value) { v.identifier(&a.Domain) },
		"agency": func(v value) { v.identifier(&a.Agency) },
	}) {
		return nil
	}
	for _, key := range []string{"domain", "agency"} {
		if !v.has(key) {
			v.at(key).problem("is missing: domain is the id or the name of the account to read, agency the name of its agency")
		}
	}
	return &a
}

// identifier decodes the name of an account or an agency.
func (v value) identifier(to *string) {
	var text string
	if v.text(&text); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == ':' }) || utf8.RuneCountInString(text) > 64 {
		v.problem("%s is not the name of an account or an agency: at most 64 characters, without colons", v.quoted(text))
		return
	}
	*to = text
}

// setSTSEndpoint fills in the host of STS, if it follows from the region, and from
// cloud if that is set.
func (p *Project) setSTSEndpoint(cloud string) {
	switch {
	case p.AssumeAgency == nil || p.STSEndpoint != "" || p.Region == "":
	case cloud != "":
		p.STSEndpoint = dcsapi.CloudEndpoint("sts", p.Region, cloud)
	case p.IAMEndpoint == dcsapi.IAMEndpoint(p.Region):
		p.STSEndpoint = dcsapi.STSEndpoint(p.Region)
	}
}

// checkAgency records what a project lacks to ask for keys of its agency, or has
// for nothing. sts_endpoint from defaults is for those projects that have an
// agency.
func (d *decoder) checkAgency(v value, p *Project) {
	switch sts := v.at("sts_endpoint"); {
	case p.AssumeAgency == nil:
		if v.has("sts_endpoint") && !d.inherited(sts.node) {
			sts.problem("is used for assume_agency only: remove it, or set assume_agency")
		}
		p.STSEndpoint = ""
	case p.Endpoint == "" || p.IAMEndpoint != "" || v.has("iam_endpoint"):
	case p.STSEndpoint == "" && !v.has("sts_endpoint"):
		v.at("assume_agency").problem("needs IAM or STS, whose hosts do not follow from endpoint: set iam_endpoint, or sts_endpoint, or cloud")
	case p.AssumeAgency.Domain != "" && !dcsapi.IsDomainID(p.AssumeAgency.Domain):
		v.at("assume_agency").at("domain").problem("is no id of an account, and STS knows accounts by id only: give its id, or set iam_endpoint")
	}
}
