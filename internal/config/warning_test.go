package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dcs_session_exporter/internal/config"
)

const (
	uuid  = "1f63d64e-0000-4000-8000-000000000000"
	clean = "projects:\n  - region: cn-north-4\n    project_id: 05041fffa40025702f6dc009cc6f8f33\n    instances: [{id: " + uuid + "}]\n"
)

// warnings returns a configuration's warnings, one per line.
func warnings(cfg *config.Config) string {
	var lines []string
	for _, w := range cfg.Warnings {
		line := w.String()
		if w.Exposed {
			line = "exposed " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestWarnings compares all warnings of valid configurations.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bom"), "\uFEFF"+marker+"\n")
	write(t, filepath.Join(dir, "plain"), marker)
	const (
		unexpanded = "contains a variable, and variables are not expanded: write the value itself"
		chain      = ", or remove credentials: the default chain reads the environment"
		noInstance = `does not look like an instance id such as ` + uuid + `: is it a name? check --online shows the id`
		noProject  = `does not look like a project id (32 hexadecimal digits): is it a name? The console shows the id under My Credentials`
		noRegion   = "correct it, unless it belongs to another cloud"
		bom        = "begins with a byte order mark, which is ignored: save it as UTF-8 without one"
	)
	region := func(lines string) string {
		return "projects:\n  - instances: [{id: " + uuid + "}]\n    project_id: 05041fffa40025702f6dc009cc6f8f33\n    " + lines + "\n"
	}
	for _, tt := range []struct {
		name, text string
		want       []string // after the kind, with "c.yml" left out
	}{
		{"none", clean, nil},
		{"upper case", strings.NewReplacer("1f63d64e", "1F63D64E", "05041fff", "05041FFF").Replace(clean), nil},
		{"names for ids", "projects:\n  - region: cn-north-4\n    project_id: cn-north-4\n    instances:\n      - id: prod-orders\n      - {id: " + uuid + ", nodes: [n1]}\n      - id: 1f63d64e00004000800000000000000a\n", []string{
			`:3: projects[0].project_id: "cn-north-4" ` + noProject,
			`:5: projects[0].instances[0].id: "prod-orders" ` + noInstance,
			`:7: projects[0].instances[2].id: "1f63d64e00004000800000000000000a" ` + noInstance,
		}},
		{"a UUID for a project", strings.Replace(clean, "05041fffa40025702f6dc009cc6f8f33", uuid, 1), []string{`:3: projects[0].project_id: "` + uuid + `" ` + noProject}},

		{"variables", clean + "    discover: {name: '^prod-${STAGE}', tags: {team: $TEAM}, enterprise_project_id: '${EPS:-0}'}\n    proxy_url: http://proxy.example:1\n    no_proxy: a.example,$NO_PROXY\n    tls_config: {server_name: '${HOST}'}\n", []string{
			":5: projects[0].discover.name: " + unexpanded, ":5: projects[0].discover.tags.tag 1: " + unexpanded,
			":5: projects[0].discover.enterprise_project_id: " + unexpanded,
			":7: projects[0].no_proxy: " + unexpanded, ":8: projects[0].tls_config.server_name: " + unexpanded,
		}},
		{"variables for secrets", clean + "    credentials:\n      access_key: $ak\n      secret_key: ${S3CR3T}\n      security_token: x$S3CR3T-$S3CR3T\n    proxy_url: http://user:$S3CR3T@proxy.example:1\n", []string{
			":6: projects[0].credentials.access_key: " + unexpanded + ", or put it into a file and set access_key_file" + chain,
			":7: projects[0].credentials.secret_key: " + unexpanded + ", or put it into a file and set secret_key_file" + chain,
			":8: projects[0].credentials.security_token: " + unexpanded + ", or put it into a file and set security_token_file" + chain,
			":9: projects[0].proxy_url: " + unexpanded + ", or set proxy_from_environment: true to use HTTPS_PROXY",
		}},
		{"dollars that are no variables", clean + "    discover: {name: '(prod|test)$|^a$b', tags: {a: $, b: 5$, c: $1, d: 'a$B', e: '$$A', f: '${}', g: '${1}'}}\n    credentials: {access_key: a$, secret_key: Pa$SWORD}\n", nil},

		{"an unknown region on loopback", region("region: cn-nort-4\n    endpoint: http://127.0.0.1:1"), []string{`:4: projects[0].region: "cn-nort-4" is not a known region (closest known region: cn-north-4): ` + noRegion}},
		{"an unknown region of the vendor's", region("region: EU-West-0\n    endpoint: https://dcs.EU-West-0.myhuaweicloud.com"), []string{`:4: projects[0].region: "EU-West-0" is not a known region (closest known region: eu-west-0): ` + noRegion}},
		{"an unknown region with the vendor's cloud", region("region: eu-wst-101\n    cloud: myhuaweicloud.eu"), []string{`:4: projects[0].region: "eu-wst-101" is not a known region (closest known region: eu-west-101): ` + noRegion}},
		{"another region than the host's", region("region: cn-nort-4\n    endpoint: https://dcs.cn-north-4.cloud.example"), []string{`:4: projects[0].region: "cn-nort-4" is not a known region (closest known region: cn-north-4): ` + noRegion}},
		{"a region of another cloud", region("region: eu-de\n    cloud: otc.t-systems.com"), nil},
		{"a region of another cloud by its endpoint", region("region: eu-de\n    endpoint: https://dcs.eu-de.otc.t-systems.com"), nil},
		{"a region of Europe's cloud", region("region: eu-west-102\n    cloud: myhuaweicloud.eu"), nil},

		{"byte order marks", clean + "    credentials: {access_key_file: plain, secret_key_file: bom, security_token_file: bom}\n", []string{
			":5: projects[0].credentials.secret_key_file: file DIR/bom " + bom, ":5: projects[0].credentials.security_token_file: file DIR/bom " + bom,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte(tt.text), dir)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, line := range tt.want {
				lines = append(lines, "c.yml"+strings.ReplaceAll(line, "DIR", dir))
			}
			want := strings.Join(lines, "\n")
			got := warnings(cfg)
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(got, marker) {
				t.Error("a secret is repeated")
			}
		})
	}
}

// TestVariablesInProblems checks that the problem of a value with a variable
// mentions it, and that variables are not expanded.
func TestVariablesInProblems(t *testing.T) {
	t.Setenv("REGION", "cn-north-4")
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	testProblems(t, []problemCase{
		{"region", "projects:\n  - region: ${REGION}\n    discover: {}\n", []string{
			`:2: projects[0].region: "${REGION}" is not an id: use at most 128 letters, digits, - and _; variables are not expanded`,
		}},
		{"endpoint", clean + "    endpoint: https://${S3CR3T}\n", []string{`:5: projects[0].endpoint: is not a URL such as https://dcs.cn-north-4.myhuaweicloud.com; variables are not expanded`}},
		{"proxy", clean + "    proxy_url: http://u:${S3CR3T}@proxy.example\n", []string{":5: projects[0].proxy_url: is not a URL such as http://proxy.example:3128, with http, https or socks5; variables are not expanded"}},
		{"key file", clean + "    credentials: {access_key: a, secret_key_file: '${CREDENTIALS_DIRECTORY}/sk'}\n", []string{
			":5: projects[0].credentials.secret_key_file: names a file that does not exist; variables are not expanded",
		}},
		{"number", clean + "scrape_timeout: $TIMEOUT\n", []string{`:5: scrape_timeout: "$TIMEOUT" is not a duration such as 500ms, 30s or 1h30m; variables are not expanded`}},
	})
}

// TestReadableSecrets checks that there are warnings about files that every user
// can read, but only if they contain a secret.
func TestReadableSecrets(t *testing.T) {
	cert, key := newPair(t)
	indented := "|\n        " + strings.ReplaceAll(strings.TrimSpace(key), "\n", "\n        ")
	const (
		inline = "every user of this machine can read the file that contains this secret: run chmod o-r on it"
		file   = "can be read by every user of this machine: run chmod o-r on it"
	)
	for _, tt := range []struct {
		name, lines string
		readable    []string // files
		want        []string // after the kind; PATH is the configuration, DIR its folder
	}{
		{"nothing secret", "", []string{"c.yml", "ak", "sk", "cert", "key"}, nil},
		{"inline", "    credentials: {access_key: a, secret_key: S3CR3T, security_token: S3CR3T}\n    proxy_url: http://u:S3CR3T@p.example:1\n", []string{"c.yml"}, []string{
			"PATH:5: projects[0].credentials.secret_key: " + inline, "PATH:5: projects[0].credentials.security_token: " + inline, "PATH:6: projects[0].proxy_url: " + inline,
		}},
		{"inline and protected", "    credentials: {access_key: a, secret_key: S3CR3T}\n", []string{"ak", "sk"}, nil},
		{"no password", "    proxy_url: http://p.example:1\n", []string{"c.yml"}, nil},
		{"files", "    credentials: {access_key_file: ak, secret_key_file: sk, security_token_file: sk}\n", []string{"ak", "sk"}, []string{
			"PATH:5: projects[0].credentials.access_key_file: file DIR/ak " + file, "PATH:5: projects[0].credentials.secret_key_file: file DIR/sk " + file, "PATH:5: projects[0].credentials.security_token_file: file DIR/sk " + file,
		}},
		{"protected files", "    credentials: {access_key_file: ak, secret_key_file: sk}\n", []string{"c.yml"}, nil},
		{"a key of TLS", "    tls_config: {cert_file: cert, key_file: key}\n", []string{"cert", "key"}, []string{"PATH:5: projects[0].tls_config.key_file: file DIR/key " + file}},
		{"an inline key of TLS", "    tls_config:\n      cert_file: cert\n      key: " + indented + "\n", []string{"c.yml"}, []string{"PATH:7: projects[0].tls_config.key: " + inline}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "c.yml")
			for name, content := range map[string]string{"c.yml": clean + tt.lines, "ak": "a", "sk": marker, "cert": cert, "key": key} {
				write(t, filepath.Join(dir, name), content)
			}
			for _, name := range tt.readable {
				if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cfg, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, line := range tt.want {
				want = append(want, "exposed "+strings.NewReplacer("PATH", path, "DIR", dir).Replace(line))
			}
			if got := warnings(cfg); got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}

// TestPipe checks that a configuration can be read from a pipe, without a warning
// about the pipe's mode.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := errors.Join(syscall.Mkfifo(path, 0o600), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = os.WriteFile(path, []byte(clean+"    credentials: {access_key: a, secret_key: s}\n"), 0o600)
	}()
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := warnings(cfg); got != "" {
		t.Errorf("got %s", got)
	}
}
