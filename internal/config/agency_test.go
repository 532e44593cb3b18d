package config_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// TestAgency checks which hosts an agency's keys are asked from, and what is wrong
// with agencies.
func TestAgency(t *testing.T) {
	const byID = "    assume_agency: {domain: 0123456789abcdef0123456789abcdef, agency: readers}\n"
	const agency = "    assume_agency: {domain: other, agency: readers}\n"
	parse := func(project string) (*config.Config, error) {
		return config.Parse("c.yml", []byte("projects:\n  - instances: [{id: a1}]\n"+project), ".")
	}
	for project, want := range map[string]string{
		"    region: cn-north-4\n" + agency:                                                                                        "https://sts.cn-north-4.myhuaweicloud.com",
		"    region: eu-west-101\n    cloud: myhuaweicloud.eu\n" + agency:                                                          "https://sts.eu-west-101.myhuaweicloud.eu",
		"    region: eu-de\n    cloud: otc.t-systems.com\n" + agency:                                                               "https://sts.eu-de.otc.t-systems.com",
		"    region: eu-de\n    endpoint: https://dcs.example\n    iam_endpoint: https://iam.example\n" + agency:                   "",
		"    region: eu-de\n    endpoint: https://dcs.example\n    project_id: p1\n    sts_endpoint: https://sts.example\n" + byID: "https://sts.example",
		"    region: cn-north-4\n": "",
		"    region: cn-north-4\n    sts_endpoint: https://sts.example\n" + agency:                                "https://sts.example",
		"    region: cn-north-4\n    assume_agency: {domain: " + strings.Repeat("名", 64) + ", agency: readers}\n": "https://sts.cn-north-4.myhuaweicloud.com",
	} {
		cfg, err := parse(project)
		if err != nil {
			t.Errorf("%s: %v", project, err)
			continue
		}
		p := cfg.Projects[0]
		if p.STSEndpoint != want {
			t.Errorf("%s: STS at %q, want %q", project, p.STSEndpoint, want)
		}
		if host := strings.TrimPrefix(want, "https://"); want != "" && !strings.Contains(cfg.Summary(), host+" (for keys of the agency)") {
			t.Errorf("%s does not say that the key goes to %s", cfg.Summary(), host)
		}
	}
	for project, want := range map[string]string{
		"    region: cn-north-4\n    assume_agency: {domain: other}\n":                        "projects[0].assume_agency.agency: is missing",
		"    region: cn-north-4\n    assume_agency: {agency: a}\n":                            "projects[0].assume_agency.domain: is missing",
		"    region: cn-north-4\n    assume_agency: {domain: 'a:b', agency: a}\n":             "is not the name of an account or an agency",
		"    region: cn-north-4\n    assume_agency: readers\n":                                "projects[0].assume_agency",
		"    region: cn-north-4\n    sts_endpoint: https://sts.example\n":                     "is used for assume_agency only",
		"    region: cn-north-4\n    sts_endpoint: http://sts.example\n" + agency:             "must begin with https://",
		"    region: eu-de\n    endpoint: https://dcs.example\n    project_id: p1\n" + agency: "set iam_endpoint, or sts_endpoint, or cloud",
	} {
		if _, err := parse(project); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", project, err, want)
		}
	}
	a, _ := parse("    region: cn-north-4\n" + agency)
	b, _ := parse("    region: cn-north-4\n" + strings.Replace(agency, "readers", "writers", 1))
	if a.Projects[0].Connection == b.Projects[0].Connection {
		t.Error("another agency is no other connection")
	}
}

// TestAgencyOfSomeProjects checks that defaults may have the STS endpoint of those
// projects that assume an agency.
func TestAgencyOfSomeProjects(t *testing.T) {
	cfg, err := config.Parse("c.yml", []byte(`defaults: {region: cn-north-4, sts_endpoint: https://sts.example}
projects:
  - {project_id: p1, discover: {}}
  - {project_id: p2, discover: {}, assume_agency: {domain: other, agency: readers}}
`), ".")
	if err != nil {
		t.Fatal(err)
	}
	if one, two := cfg.Projects[0].STSEndpoint, cfg.Projects[1].STSEndpoint; one != "" || two != "https://sts.example" {
		t.Errorf("STS at %q and %q", one, two)
	}
}
