package config

import (
	"strings"
	"unicode"

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
	if v.text(&text); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == ':' }) || len(text) > 64 {
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
