package config_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// TestProjectDefaults checks that a project has the values of defaults, unless it sets
// them itself, wherever defaults stands in the file.
func TestProjectDefaults(t *testing.T) {
	const shared = `defaults:
  region: cn-north-4
  requests_per_second: 5
  read_replicas: false
  max_clients: 100
  credentials: {access_key: a, secret_key: s}
  proxy_url: http://proxy.example:3128
  no_proxy: 10.0.0.0/8
  endpoint: https://dcs.example
  iam_endpoint: https://iam.example
  max_concurrent_requests:
`
	const projects = `projects:
  - project_id: p1
    discover: {}
  - project_id: p2
    region: eu-west-101
    cloud: myhuaweicloud.eu
    requests_per_second: 7
    read_replicas: true
    max_clients:
    credentials: {access_key: b, secret_key: b}
    proxy_from_environment: false
    discover: {max_clients: 200}
`
	for _, whole := range []string{shared + projects, projects + shared} {
		cfg, err := config.Parse("c.yml", []byte(whole), ".")
		if err != nil {
			t.Fatal(err)
		}
		one, two := cfg.Projects[0], cfg.Projects[1]
		if one.Region != "cn-north-4" || one.RequestsPerSecond != 5 || one.ReadReplicas || one.Discover.MaxClients != 100 || one.Credentials.AccessKey.Value != "a" ||
			one.Endpoint != "https://dcs.example" || one.MaxConcurrentRequests != 8 || one.Proxy == nil {
			t.Errorf("the first project is %+v", one)
		}
		if two.Region != "eu-west-101" || two.RequestsPerSecond != 7 || !two.ReadReplicas || two.MaxClients != 100 || two.Discover.MaxClients != 200 || two.Credentials.AccessKey.Value != "b" ||
			two.Endpoint != "https://dcs.eu-west-101.myhuaweicloud.eu" || two.IAMEndpoint != "https://iam.eu-west-101.myhuaweicloud.eu" {
			t.Errorf("the second project is %+v", two)
		}
		if two.Proxy != nil {
			if proxy, _ := two.Proxy(httptest.NewRequest(http.MethodGet, "https://dcs.example", nil)); proxy != nil {
				t.Errorf("the second project has the proxy %v", proxy)
			}
		}
		if want := []string{"max_clients"}; !slices.Equal(two.FromDefaults, want) {
			t.Errorf("got %q of defaults, want %q", two.FromDefaults, want)
		}
		for _, setting := range cfg.InForce() {
			if strings.Contains(strings.ToLower(setting.Name), "defaults") {
				t.Errorf("%s is in force, but is no key of the file", setting.Name)
			}
		}
		if want := "  by defaults  credentials, endpoint, iam_endpoint, max_clients, no_proxy, proxy_url, read_replicas, region, requests_per_second\n"; !strings.Contains(cfg.Summary(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, cfg.Summary())
		}
	}
}

// TestDefaultsProblems checks that problems in defaults name their own line, once.
func TestDefaultsProblems(t *testing.T) {
	const projects = "projects:\n  - {project_id: p1, discover: {}}\n  - {project_id: p2, discover: {}}\n"
	for text, want := range map[string]string{
		"defaults: [x]\nprojects: [{region: cn-north-4, discover: {}}]\n": "c.yml:1: defaults: must be a mapping of a project's keys to values",
		"defaults:\n  region: cn-north-4\n  max_clients: no\n":            `c.yml:3: defaults.max_clients: "no" is not a whole number from 1 to 2147483647`,
		"defaults:\n  region: cn-north-4\n  reed_replicas: true\n":        "c.yml:3: defaults.reed_replicas: is not a configuration key: did you mean read_replicas?",
		"defaults:\n  region: cn-north-4\n  region: cn-north-4\n":         "c.yml:3: defaults.region: duplicate key (first on line 2)",
		"defaults:\n  region: cn-north-4\n  credentials: {access_key: a}": "c.yml:3: defaults.credentials.secret_key: is missing: set secret_key or secret_key_file, or remove credentials to use the default chain",
		"defaults:\n  region: &a cn-north-4\n  read_replicas: true\n":     "c.yml:2: defaults.region: anchors and aliases are not supported: write the value itself",
		"defaults:\n  region: cn-nort-4\n":                                `c.yml:2: defaults.region: "cn-nort-4" `,
	} {
		if !strings.Contains(text, "projects") {
			text = text + "\n" + projects
		}
		_, err := config.Parse("c.yml", []byte(text), ".")
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
