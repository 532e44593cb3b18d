package config_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

// TestHosts checks which hosts are derived from region, cloud and endpoints.
func TestHosts(t *testing.T) {
	for _, tt := range []struct {
		name, lines, dcs, iam string
	}{
		{"the vendor's", "region: cn-north-4", "https://dcs.cn-north-4.myhuaweicloud.com", "https://iam.cn-north-4.myhuaweicloud.com"},
		{"the vendor's, written out", "region: cn-north-4\n    endpoint: https://DCS.cn-north-4.myhuaweicloud.com:443", "https://DCS.cn-north-4.myhuaweicloud.com:443", "https://iam.cn-north-4.myhuaweicloud.com"},
		{"the European cloud", "region: eu-west-101", "https://dcs.eu-west-101.myhuaweicloud.com", "https://iam.eu-west-101.myhuaweicloud.eu"},
		{"its other host", "region: eu-west-101\n    endpoint: https://dcs.eu-west-101.myhuaweicloud.eu", "https://dcs.eu-west-101.myhuaweicloud.eu", "https://iam.eu-west-101.myhuaweicloud.eu"},
		{"its cloud", "cloud: myhuaweicloud.eu\n    region: eu-west-101", "https://dcs.eu-west-101.myhuaweicloud.eu", "https://iam.eu-west-101.myhuaweicloud.eu"},
		{"a region that is not in the table", "region: eu-west-199\n    cloud: MyHuaweiCloud.eu", "https://dcs.eu-west-199.myhuaweicloud.eu", "https://iam.eu-west-199.myhuaweicloud.eu"},
		{"not of Europe's cloud", "region: eu-west-0", "https://dcs.eu-west-0.myhuaweicloud.com", "https://iam.eu-west-0.myhuaweicloud.com"},
		{"another cloud", "region: eu-de\n    cloud: otc.t-systems.com", "https://dcs.eu-de.otc.t-systems.com", "https://iam.eu-de.otc.t-systems.com"},
		{"endpoint wins over cloud", "region: eu-de\n    cloud: otc.t-systems.com\n    endpoint: https://x.example", "https://x.example", "https://iam.eu-de.otc.t-systems.com"},
		{"iam_endpoint wins over cloud", "region: eu-de\n    cloud: otc.t-systems.com\n    iam_endpoint: https://x.example", "https://dcs.eu-de.otc.t-systems.com", "https://x.example"},
		{"another host with iam_endpoint", "region: cn-north-4\n    endpoint: https://x.example\n    iam_endpoint: https://y.example", "https://x.example", "https://y.example"},
		{"another host with project_id", "region: cn-north-4\n    endpoint: https://x.example\n    project_id: p", "https://x.example", ""},
		{"loopback", "region: cn-north-4\n    endpoint: http://127.0.0.1:1\n    project_id: p", "http://127.0.0.1:1", ""},
		{"another region's host", "region: cn-north-4\n    endpoint: https://dcs.cn-east-3.myhuaweicloud.com\n    project_id: p", "https://dcs.cn-east-3.myhuaweicloud.com", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte("projects:\n  - instances: [{id: a1}]\n    "+tt.lines+"\n"), ".")
			if err != nil {
				t.Fatal(err)
			}
			if p := cfg.Projects[0]; p.Endpoint != tt.dcs || p.IAMEndpoint != tt.iam {
				t.Errorf("got %q and %q, want %q and %q", p.Endpoint, p.IAMEndpoint, tt.dcs, tt.iam)
			}
		})
	}
}

// TestGuessedHosts checks that a configuration is refused if it would send the key
// to a guessed host.
func TestGuessedHosts(t *testing.T) {
	const guessed = `is not the vendor's host for region "cn-north-4": set project_id, or iam_endpoint to the base URL of IAM in that cloud; the exporter does not send the key to a guessed IAM host`
	testProblems(t, []problemCase{
		{"another host", minimal + "    endpoint: https://x.example\n", []string{":5: projects[0].endpoint: " + guessed}},
		{"another port", minimal + "    endpoint: https://dcs.cn-north-4.myhuaweicloud.com:8443\n", []string{":5: projects[0].endpoint: " + guessed}},
		{"another region's host", minimal + "    endpoint: https://dcs.cn-east-3.myhuaweicloud.com\n", []string{":5: projects[0].endpoint: " + guessed}},
		{"Europe's cloud for another region", minimal + "    endpoint: https://dcs.cn-north-4.myhuaweicloud.eu\n", []string{":5: projects[0].endpoint: " + guessed}},
		{"loopback", minimal + "    endpoint: http://127.0.0.1:1\n", []string{":5: projects[0].endpoint: " + guessed}},
		{"a region of Europe's cloud that is not in the table", "projects:\n  - {region: eu-west-102, discover: {}}\n", []string{
			`:2: projects[0].region: "eu-west-102" is not a known region (closest known region: eu-west-101): correct it, or set cloud: myhuaweicloud.eu, or endpoint to the base URL of its DCS API`,
		}},
		{"a misspelt region", "projects:\n  - {region: CN-Nort-4, discover: {}}\n", []string{
			`:2: projects[0].region: "CN-Nort-4" is not a known region (closest known region: cn-north-4): correct it, or set cloud to the domain of another cloud, or endpoint to the base URL of its DCS API`,
		}},
	})
}

// TestCloud checks which values of cloud are valid.
func TestCloud(t *testing.T) {
	const none, host, region = "is not a plain domain name such as myhuaweicloud.eu (no scheme, no port)", "is a host name: give only what follows the region, such as myhuaweicloud.eu", "contains the region: give only what follows it, such as myhuaweicloud.eu"
	for text, want := range map[string]string{
		"myhuaweicloud.eu": "", "a-b.c1.xn--p1ai": "",
		"https://myhuaweicloud.eu": none, "myhuaweicloud.eu:443": none, "myhuaweicloud.eu/": none, "myhuaweicloud": none, ".myhuaweicloud.eu": none, "myhuaweicloud.eu.": none,
		"a..b": none, "-a.b": none, "a_b.c": none, "10.0.0.1": none, "''": none, "u@x.example": none, "x .example": none, strings.Repeat("a", 64) + ".example": none, strings.Repeat("a.", 100) + "example": none,
		"dcs.cn-north-4.myhuaweicloud.com": host, "iam.myhuaweicloud.eu": host, "cn-north-4.myhuaweicloud.com": region,
	} {
		got := ""
		if _, err := config.Parse("c.yml", []byte(minimal+"    cloud: "+text+"\n"), "."); err != nil {
			got = strings.TrimPrefix(err.Error(), "c.yml:5: projects[0].cloud: ")
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestKeyHosts checks the hosts that are reported to receive the key.
func TestKeyHosts(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:SECRET@env.example:8080")
	const key = "    credentials: {access_key: a, secret_key: s}\n"
	for _, tt := range []struct{ name, lines, want, online string }{
		{"a key and a project", key + "    project_id: p\n", "dcs.cn-north-4.myhuaweicloud.com", "iam.cn-north-4.myhuaweicloud.com (to check the region)"},
		{"a key", key, "dcs.cn-north-4.myhuaweicloud.com, iam.cn-north-4.myhuaweicloud.com (for the project's id)", ""},
		{"the chain and a project", "    project_id: p\n", "dcs.cn-north-4.myhuaweicloud.com, iam.cn-north-4.myhuaweicloud.com (to get a key, if the source is an identity token)", ""},
		{"another host and a project", "    project_id: p\n    endpoint: https://x.example:8443\n", "x.example:8443", "-"},
		{"the scheme's port", "    project_id: p\n    endpoint: https://x.example:443\n", "x.example", "-"},
		{"loopback", key + "    endpoint: http://127.0.0.1:9948\n    iam_endpoint: http://[::1]:80\n", "127.0.0.1:9948, [::1] (for the project's id)", ""},
		{"one host for both", key + "    endpoint: http://127.0.0.1:9948\n    iam_endpoint: http://127.0.0.1:9948\n", "127.0.0.1:9948", "127.0.0.1:9948"},
		{"cloud", key + "    cloud: x.example\n", "dcs.cn-north-4.x.example, iam.cn-north-4.x.example (for the project's id)", ""},
		{"a proxy", key + "    proxy_url: http://user:SECRET@proxy.example:3128\n", "dcs.cn-north-4.myhuaweicloud.com through the proxy proxy.example:3128, iam.cn-north-4.myhuaweicloud.com (for the project's id) through the proxy proxy.example:3128", ""},
		{"a proxy for one", key + "    proxy_url: http://proxy.example:3128\n    no_proxy: iam.cn-north-4.myhuaweicloud.com\n", "dcs.cn-north-4.myhuaweicloud.com through the proxy proxy.example:3128, iam.cn-north-4.myhuaweicloud.com (for the project's id)", ""},
		{"the environment's proxy", key + "    project_id: p\n    proxy_from_environment: true\n", "dcs.cn-north-4.myhuaweicloud.com through the proxy env.example:8080", "iam.cn-north-4.myhuaweicloud.com (to check the region) through the proxy env.example:8080"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte(minimal+tt.lines), ".")
			if err != nil {
				t.Fatal(err)
			}
			if want := "\n  key goes to  " + tt.want + "\n"; !strings.Contains(cfg.Summary(), want) {
				t.Errorf("got\n%s\nwithout %s", cfg.Summary(), want)
			}
			online := cfg.Projects[0].KeyHosts(true)
			switch last := online[len(online)-1]; {
			case tt.online == "-" && len(online) > 1, tt.online != "" && tt.online != "-" && last.String() != tt.online:
				t.Errorf("online: got %s, want %q as the last", online, tt.online)
			}
		})
	}
}
