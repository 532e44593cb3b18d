package config_test

import (
	"path/filepath"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
)

func TestProjectProblems(t *testing.T) {
	project := func(lines string) string {
		return "projects:\n  - region: cn-north-4\n    instances: [{id: a1}]\n    " + lines + "\n"
	}
	testProblems(t, []problemCase{
		{"empty project", "projects: [~]\n", []string{":1: projects[0]: is empty: a project needs a region, and instances or discover"}},
		{"nothing in a project", "projects:\n  - project_id: p\n", []string{
			":2: projects[0].region: is missing: set the region, such as cn-north-4", ":2: projects[0].instances: is missing: list the instances to read, or set discover: {} to read all of them",
		}},
		{"unknown region", "projects:\n  - region: moon-1\n    instances: [{id: a}]\n", []string{
			`:2: projects[0].region: "moon-1" is not a known region (closest known region: ae-ad-1): correct it, or set cloud to the domain of another cloud, or endpoint to the base URL of its DCS API`,
		}},
		{"discovery", project("discover: {name: '(', tags: {a: b, '': c, [x]: d, e: , f: [g], a: h}, enterprise_project_id: '', nam: y}"), []string{
			`:4: projects[0].discover.name: "(" is not a regular expression (RE2 syntax), such as ^prod-`,
			":4: projects[0].discover.tags.tag 2: the tag's key must be a string",
			":4: projects[0].discover.tags.tag 3: the tag's key must be a string",
			":4: projects[0].discover.tags.tag 4: must be a string ('' for an empty one)",
			":4: projects[0].discover.tags.tag 5: must be a string ('' for an empty one)",
			`:4: projects[0].discover.tags.tag 6: duplicate tag "a"`,
			":4: projects[0].discover.enterprise_project_id: is empty: set a value or remove the key",
			":4: projects[0].discover.nam: is not a configuration key: did you mean name?",
		}},
		{"discovery of a kind", project("discover: all"), []string{":4: projects[0].discover: must be a mapping of keys to values"}},
		{"tags of a kind", project("discover: {tags: [a]}"), []string{":4: projects[0].discover.tags: must be a mapping from tags to their values, such as {team: orders}"}},
		{"no tags", project("discover: {tags: {}}"), []string{":4: projects[0].discover.tags: is empty: list tags, or remove the key"}},
		{"nothing to discover", "projects:\n  - region: cn-north-4\n    discover:\n", []string{
			":2: projects[0].instances: is missing: list the instances to read, or set discover: {} to read all of them",
		}},
		{"endpoint of metrics", minimal + "limits: {hold: -1h}\nmetrics_endpoint: none\n", []string{
			`:5: limits.hold: "-1h" is not a duration such as 500ms, 30s or 1h30m`,
			`:6: metrics_endpoint: "none" is not one of all, exporter`,
		}},
		{"instances", "projects:\n  - region: cn-north-4\n    instances:\n      - id: a/b\n      - nodes: [x]\n      - id: a1\n        nodes: []\n      - id: a1\n      - {id: a2, nodes: [x, x], max_clients: 0}\n", []string{
			`:4: projects[0].instances[0].id: "a/b" is not an id: use at most 128 letters, digits, - and _`,
			":5: projects[0].instances[1].id: is missing: set the instance's id",
			":7: projects[0].instances[2].nodes: is empty: list nodes, or remove the key to read all that hold sessions",
			`:8: projects[0].instances[3].id: duplicate instance "a1" (first on line 6)`,
			`:9: projects[0].instances[4].nodes[1]: duplicate node "x"`,
			`:9: projects[0].instances[4].max_clients: "0" is not a whole number from 1 to 2147483647`,
		}},
		{"an instance in two projects", minimal + "  - region: cn-east-3\n    instances: [{id: a1}]\n", []string{
			`:6: projects[1].instances[0].id: duplicate instance "a1" (first on line 4)`,
		}},
		{"an instance in two cases", minimal + "  - region: cn-east-3\n    instances: [{id: b1}, {id: B1}, {id: A1}]\n", []string{
			`:6: projects[1].instances[1].id: duplicate instance "B1" (first on line 6)`,
			`:6: projects[1].instances[2].id: duplicate instance "A1" (first on line 4)`,
		}},
		{"a project twice", "projects:\n  - {region: cn-north-4, project_id: p, instances: [{id: a}]}\n  - {region: cn-north-4, project_id: p, instances: [{id: b}]}\n", []string{
			":3: projects[1]: duplicate project (first on line 2): move its instances there, so that they share one rate limit",
		}},
		{"a project twice, without its id", "projects:\n  - {region: cn-north-4, instances: [{id: a}]}\n  - {region: cn-north-4, discover: {}}\n", []string{
			":3: projects[1]: duplicate project (first on line 2): move its instances there, so that they share one rate limit",
		}},
		{"endpoints", project("endpoint: dcs.example\n    iam_endpoint: http://iam.example"), []string{
			":4: projects[0].endpoint: is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com",
			":5: projects[0].iam_endpoint: must begin with https://: http:// is accepted on loopback only",
		}},
		{"endpoint with a path", project("endpoint: https://x.example/v2?a=b"), []string{":4: projects[0].endpoint: must be a base URL with only scheme, host and port"}},
		{"half a key", project("credentials: {access_key: a, access_key_file: b}"), []string{
			":4: projects[0].credentials.secret_key: is missing: set secret_key or secret_key_file, or remove credentials to use the default chain",
			":4: projects[0].credentials.access_key: set access_key or access_key_file, not both",
			":4: projects[0].credentials.access_key_file: names a file that does not exist",
		}},
		{"requests", project("requests_per_second: 0\n    max_concurrent_requests: 1000"), []string{
			`:4: projects[0].requests_per_second: "0" is not a number above 0 and at most 1000`,
			`:5: projects[0].max_concurrent_requests: "1000" is not a whole number from 1 to 256`,
		}},
		{"proxies", project("proxy_url: http://p.example:1\n    proxy_from_environment: true"), []string{":5: projects[0].proxy_from_environment: set proxy_from_environment or proxy_url, not both"}},
		{"no_proxy alone", project("no_proxy: x"), []string{":4: projects[0].no_proxy: requires proxy_url; with proxy_from_environment, NO_PROXY of the environment applies"}},
		{"TLS", project("tls_config: {insecure_skip_verify: true, ca: rubbish, min_version: TLS13, max_version: TLS12}"), []string{
			":4: projects[0].tls_config.insecure_skip_verify: certificates are always verified: set ca_file to the authority that signed the endpoint's certificate",
			":4: projects[0].tls_config.min_version: must not be above max_version",
		}},
		{"CA", project("tls_config: {ca: rubbish}"), []string{":4: projects[0].tls_config.ca: contains no certificate in PEM format"}},
		{"certificate without key", project("tls_config: {cert: rubbish}"), []string{
			":4: projects[0].tls_config.cert: the certificate needs its key: set key or key_file",
		}},
		{"key without certificate", project("tls_config: {key: rubbish}"), []string{":4: projects[0].tls_config.key: the key needs its certificate: set cert or cert_file"}},
		{"no pair", project("tls_config: {cert: rubbish, key: rubbish}"), []string{":4: projects[0].tls_config.cert: the certificate and the key do not match, are not in PEM format, or the key is encrypted"}},
		{"inline and file", project("tls_config: {ca: x, ca_file: y, cert: x, cert_file: y, key: x, key_file: y}"), []string{
			":4: projects[0].tls_config.ca: set ca or ca_file, not both", ":4: projects[0].tls_config.cert: set cert or cert_file, not both",
			":4: projects[0].tls_config.key: set key or key_file, not both",
		}},
		{"old TLS", project("tls_config: {min_version: TLS10}"), []string{`:4: projects[0].tls_config.min_version: "TLS10" is not one of TLS12, TLS13`}},
		{"no mappings", "projects: [x]\n", []string{":1: projects[0]: must be a mapping of keys to values"}},
		{"no mappings of instances", "projects:\n  - region: cn-north-4\n    instances: [x, ~]\n", []string{
			":3: projects[0].instances[0]: must be a mapping of keys to values", ":3: projects[0].instances[1]: is empty: an instance needs an id",
		}},
		{"credentials are a text", project("credentials: x"), []string{":4: projects[0].credentials: must be a mapping of keys to values"}},
		{"empty credentials", project("credentials: {}"), []string{
			":4: projects[0].credentials: is empty: set access_key and secret_key, or remove credentials to use the default chain",
		}},
		{"null in credentials", project("credentials: {access_key: ~, secret_key: x}"), []string{
			":4: projects[0].credentials.access_key: is missing: set access_key or access_key_file, or remove credentials to use the default chain",
		}},
		{"no host", project("endpoint: https://:443\n    iam_endpoint: https://x.example:99999\n    proxy_url: http://:3128"), []string{
			":4: projects[0].endpoint: is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com",
			":5: projects[0].iam_endpoint: is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com",
			":6: projects[0].proxy_url: is not a URL such as http://proxy.example:3128, with http, https or socks5",
		}},
		{"endpoint with an empty query", project("endpoint: https://x.example?\n    iam_endpoint: https://x.example//"), []string{
			":4: projects[0].endpoint: must be a base URL with only scheme, host and port", ":5: projects[0].iam_endpoint: must be a base URL with only scheme, host and port",
		}},
		{"nodes", "projects:\n  - region: cn-north-4\n    instances:\n      - max_clients: 5\n        id: a\n      - {id: a, nodes: x}\n", []string{
			`:6: projects[0].instances[1].id: duplicate instance "a" (first on line 5)`, ":6: projects[0].instances[1].nodes: must be a list",
		}},
		{"empty text", project("project_id: ''"), []string{`:4: projects[0].project_id: "" is not an id: use at most 128 letters, digits, - and _`}},
	})
}

// TestDiscover checks which instances are read.
func TestDiscover(t *testing.T) {
	instance := dcsapi.Instance{ID: "i", Name: "prod-orders", Tags: map[string]string{"team": "orders", "empty": ""}, EnterpriseProjectID: "0"}
	for text, want := range map[string]bool{
		"{}": true, "{name: orders}": true, "{name: ^orders}": false, "{name: '^prod-orders$'}": true,
		"{tags: {team: orders}}": true, "{tags: {team: order}}": false, "{tags: {team: orders, env: prod}}": false, "{tags: {empty: ''}}": true, "{tags: {none: ''}}": false,
		"{enterprise_project_id: 0}": true, "{enterprise_project_id: 00}": false, "{name: prod, tags: {team: web}}": false,
	} {
		cfg, err := config.Parse("c.yml", []byte("projects:\n  - region: cn-north-4\n    discover: "+text+"\n"), ".")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := cfg.Projects[0].Discover.Matches(instance); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestConnection checks which settings change a project's connection.
func TestConnection(t *testing.T) {
	dir := t.TempDir()
	cert, _ := newPair(t)
	other, _ := newPair(t)
	write(t, filepath.Join(dir, "ca.pem"), cert)
	write(t, filepath.Join(dir, "s"), "secret")
	connection := func(lines string) string {
		t.Helper()
		cfg, err := config.Parse("c.yml", []byte(minimal+lines), dir)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Projects[0].Connection
	}
	none := connection("")
	for _, same := range []string{"    read_replicas: false\n", "    discover: {}\n", "    max_concurrent_requests: 8\n", "idle_threshold: 1m\n"} {
		if connection(same) != none {
			t.Errorf("%s makes a new connection", same)
		}
	}
	seen := map[string]string{none: "nothing"}
	for _, lines := range []string{
		"    project_id: p\n", "    project_id: p\n    endpoint: https://x.example\n", "    cloud: x.example\n", "    iam_endpoint: https://x.example\n", "    requests_per_second: 19\n", "    max_concurrent_requests: 7\n",
		"    proxy_url: http://p.example:1\n", "    proxy_url: http://p.example:2\n", "    proxy_url: http://p.example:2\n    no_proxy: x\n", "    proxy_from_environment: true\n",
		"    credentials: {access_key: a, secret_key: b}\n", "    credentials: {access_key: a, secret_key: c}\n", "    credentials: {access_key: a, secret_key_file: s}\n",
		"    credentials: {access_key: a, secret_key: b, security_token: c}\n", "    tls_config: {server_name: x}\n", "    tls_config: {ca_file: ca.pem}\n",
	} {
		c := connection(lines)
		if seen[c] != "" {
			t.Errorf("%s is as %s", lines, seen[c])
		}
		seen[c] = lines
	}
	write(t, filepath.Join(dir, "ca.pem"), other)
	if seen[connection("    tls_config: {ca_file: ca.pem}\n")] != "" {
		t.Error("another authority in the same file is as before")
	}
	write(t, filepath.Join(dir, "s"), "another")
	if seen[connection("    credentials: {access_key: a, secret_key_file: s}\n")] == "" {
		t.Error("a key file that has changed, which is read again anyway, makes a new connection")
	}
}
