package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// TestInForce checks that all settings are shown, by the names that the file has,
// and no secret.
func TestInForce(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"ak": "SECRETAK0000", "sk": "SECRETSK0000"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Parse("c.yml", []byte(`projects:
  - region: cn-north-4
    project_id: p1
    credentials: {access_key: SECRETAK1111, secret_key: SECRETSK1111}
    proxy_url: http://user:SECRETPROXY@proxy.example:3128
    instances: [{id: i1, nodes: [n1, n2]}]
  - region: cn-north-1
    credentials: {access_key_file: ak, secret_key_file: sk}
    discover: {name: '^prod-', tags: {team: orders}}
  - region: cn-east-3
    discover: {}
scan: {min_interval: 45s}
client_groups: [{group: a, cidrs: [10.0.0.0/8], names: ^x}]
client_address: {aggregate: {ipv4: 24}}
`), dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range cfg.InForce() {
		got[s.Name] = s.Value
		if strings.Contains(s.Name+s.Value, "SECRET") {
			t.Errorf("a secret: %+v", s)
		}
	}
	for name, want := range map[string]string{
		"projects[0].region": "cn-north-4", "projects[0].project_id": "p1", "projects[0].credentials.access_key": "set, not shown", "projects[0].credentials.security_token": "not set",
		"projects[0].proxy": "set", "projects[0].tls_config": "not set", "projects[0].instances[0].id": "i1", "projects[0].instances[0].nodes": "[n1 n2]", "projects[0].iam_endpoint": "https://iam.cn-north-4.myhuaweicloud.com",
		"projects[1].credentials.secret_key": "from the file " + filepath.Join(dir, "sk"), "projects[1].discover.name": "^prod-", "projects[1].discover.tags": "map[team:orders]",
		"projects[2].credentials": "not set", "projects[2].project_id": "not set", "scan.min_interval": "45s", "scan.mode": "on_scrape", "discovery_interval": "5m0s", "limits.clients": "50", "client_address.source": "addr",
		"client_groups[0].group": "a", "client_groups[0].cidrs": "[10.0.0.0/8]", "client_groups[0].users": "[]", "client_groups[0].names": "^x", "client_address.aggregate.ipv4": "24", "limits_interval": "1h0m0s",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	example, err := os.ReadFile("../../config.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range got {
		// proxy stands for three keys.
		if key := name[strings.LastIndexByte(name, '.')+1:]; key != "proxy" && !regexp.MustCompile(`\b`+key+`:`).Match(example) {
			t.Errorf("%s is no key of the file", name)
		}
		if strings.Contains(name, "connection") || strings.Contains(name, "warnings") {
			t.Errorf("%s is shown", name)
		}
	}
}
