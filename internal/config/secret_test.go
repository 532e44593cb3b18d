package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"

	"go.yaml.in/yaml/v3"
)

const marker = "S3CR3T"

// secretTexts are configurations with a secret in the right place, or in a wrong
// one by mistake.
func secretTexts() []string {
	out := []string{
		"projects: [{region: cn-north-4, proxy_url:http://u:S3CR3T@p:1, instances: [{id: a}]}]\n",
		"projects: [{region: cn-north-4, tls_config: {key:S3CR3T}, instances: [{id: a}]}]\n",
		"projects: [{region: cn-north-4, credentials: {secret_key:S3CR3T}, instances: [{id: a}]}]\n",
		"projects:\n  - region: cn-north-4\n      proxy_url:http://u:S3CR3T@h\n    instances: [{id: a}]\n",
		"projects:\n  - region: http://u:S3CR3T@h\n    instances: [{id: a}]\n",
		minimal + "credentials: {access_key: S3CR3T, secret_key: S3CR3T}\n",
		minimal + "proxy_ulr: http://user:S3CR3T@proxy.example\n",
		minimal + "x: 1\n---\nsecret_key: S3CR3T\n",
	}
	for _, lines := range []string{
		"credentials: {access_key: S3CR3T, secret_key: S3CR3T, security_token: S3CR3T}",
		"credentials: {access_key: [S3CR3T], secret_key: {S3CR3T: S3CR3T}}",
		"credentials: S3CR3T",
		"credentials: [S3CR3T]",
		"credentials: {S3CR3T: x}",
		"credentials: {S3CR3T: x, S3CR3T: x}",
		"credentials: {<<: {S3CR3T: x}}",
		"credentials: {? [S3CR3T] : x}",
		"credentials: {secret_kye: S3CR3T}",
		"credentials: {access_key: a b S3CR3T, secret_key: ''}",
		"credentials: {access_key: a, secret_key: S3CR3T, secret_key: S3CR3T}",
		"credentials: {access_key: a, secret_key: S3CR3T, secret_key_file: nofile}",
		"credentials: {access_key: a, secret_key: \"S3CR3T}",
		"credentials: {access_key: a, secret_key: \"S3CR3T\\q\"}",
		"credentials:\n      access_key: S3CR3T: S3CR3T",
		"credentials:\n      access_key: a\n     secret_key: S3CR3T",
		"credentials:\n      access_key: a\n\tsecret_key: S3CR3T",
		"credentials:\n      access_key: @S3CR3T",
		"credentials: {access_key: &S3CR3T x, secret_key: *S3CR3T}",
		"credentials: {access_key: x, secret_key: *S3CR3T}",
		"credentials: {access_key: !S3CR3T x, secret_key: !!int S3CR3T}",
		"credentials: {access_key: !vault S3CR3T, secret_key: !!null S3CR3T}",
		"credentials: {access_key: x, secret_key_file: \"-----BEGIN S3CR3T\"}",
		"credentials: {access_key: x, secret_key_file: \"one\\nS3CR3T\"}",
		"credentials: {access_key_file: S3CR3T, secret_key_file: S3CR3T/x, security_token_file: /nonexistent/S3CR3T}",
		"credentials: {access_key: x, secret_key_file: c.yml/S3CR3T}",
		"proxy_url: http://user:S3CR3T@proxy.example:3128",
		"proxy_url: http://user:S3CR3T@proxy.example:3128\n    no_proxy: 10.0.0.0/8",
		"proxy_url: http://user:S3CR3T@proxy.example:3128\n    proxy_from_environment: true",
		"proxy_url: http://user:S3CR3T@proxy.example:3128\n    proxy_url: http://user:S3CR3T@proxy.example:3128",
		"proxy_url: 'http://user:S3CR3T@ bad'",
		"proxy_url: 'http://user:S3CR3T%zz@bad'",
		"proxy_url: 'gopher://user:S3CR3T@proxy'",
		"proxy_url: [S3CR3T]",
		"proxy_url: {S3CR3T: S3CR3T}",
		"tls_config: {key: S3CR3T, cert: S3CR3T}",
		"tls_config: {ca: S3CR3T}",
		"tls_config: {key: [S3CR3T]}",
		"tls_config: {key: {S3CR3T: x}}",
		"tls_config: {key: S3CR3T, key: S3CR3T}",
		"tls_config: {key: S3CR3T, key_file: x}",
		"tls_config: {key_file: \"-----BEGIN S3CR3T\\nS3CR3T\"}",
		"endpoint: https://user:S3CR3T@x.example",
		"endpoint: 'https://user:S3CR3T@x .example'",
	} {
		out = append(out, minimal+"    "+lines+"\n")
	}
	for _, lines := range []string{
		"credentials: {access_key: S3CR3T, secret_key: S3CR3T}",
		"credentials: {access_key: S3CR3T, secret_kye: S3CR3T}",
		"credentials: [S3CR3T]",
		"proxy_url: http://user:S3CR3T@proxy.example:3128",
		"proxy_url:http://user:S3CR3T@proxy.example:3128",
		"tls_config: {key: S3CR3T}",
		"endpoint: https://user:S3CR3T@x.example",
	} {
		out = append(out, "defaults:\n  "+lines+"\n"+minimal)
	}
	return append(out, "defaults: S3CR3T\n"+minimal, "defaults: [S3CR3T]\n"+minimal, "defaults: {credentials: S3CR3T}\n"+minimal+"    credentials: {access_key: S3CR3T, secret_key: S3CR3T}\n")
}

// TestSecretsStayIn checks that no error, printed value or summary contains a
// secret.
func TestSecretsStayIn(t *testing.T) {
	accepted := 0
	for _, text := range secretTexts() {
		if _, err := config.Parse("c.yml", []byte(text), "."); err == nil {
			accepted++
		}
		if said := allSaid(t, text, "."); strings.Contains(said, marker) {
			t.Errorf("%s\nis answered with a secret:\n%s", text, said)
		}
	}
	if accepted == 0 {
		t.Error("no secret was ever accepted, so none could be printed")
	}
}

// TestKeyOfTLSStaysIn checks a valid inline key, which is part of the
// configuration but must not be encoded with it.
func TestKeyOfTLSStaysIn(t *testing.T) {
	cert, key := newPair(t)
	indent := func(pem string) string {
		return "|\n        " + strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\n        ")
	}
	text := minimal + "    tls_config:\n      ca: " + indent(cert) + "\n      cert: " + indent(cert) + "\n      key: " + indent(key) + "\n"
	cfg, err := config.Parse("c.yml", []byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(cfg.Projects[0].TLS.Key); strings.TrimSpace(got) != strings.TrimSpace(key) {
		t.Errorf("the key was read as %q", got)
	}
	said := allSaid(t, text, ".")
	for _, pem := range []string{cert, key} {
		if line := strings.Split(pem, "\n")[1]; strings.Contains(said, line) {
			t.Errorf("%q is repeated in\n%s", line, said)
		}
	}
}

// allSaid returns all texts that a configuration or its error can be printed as.
func allSaid(t *testing.T, text, dir string) string {
	t.Helper()
	cfg, err := config.Parse("c.yml", []byte(text), dir)
	if err != nil {
		return fmt.Sprintf("%v %+v %#v", err, err, err)
	}
	var said strings.Builder
	fmt.Fprint(&said, cfg.Summary())
	values := []any{cfg, *cfg}
	for _, p := range cfg.Projects {
		values = append(values, p, p.Credentials)
	}
	for _, v := range values {
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T is not JSON: %v", v, err)
		}
		asYAML, err := yaml.Marshal(v)
		if err != nil {
			t.Errorf("%T is not YAML: %v", v, err)
		}
		fmt.Fprintf(&said, "%v %+v %#v %s %s", v, v, v, asJSON, asYAML)
		slog.New(slog.NewTextHandler(&said, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&said, nil)).Info("x", "v", v)
	}
	return said.String()
}

func FuzzParse(f *testing.F) {
	f.Add(minimal)
	for _, text := range secretTexts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := config.Parse("c.yml", []byte(text), "/nonexistent")
		if (cfg == nil) == (err == nil) {
			t.Errorf("both or neither: %v, %v", cfg, err)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

// FuzzSecrets puts a secret between two texts as the value of a secret key, and
// checks that it is never repeated, whatever those texts turn it into.
func FuzzSecrets(f *testing.F) {
	for _, around := range [][2]string{
		{"", ""},
		{"'", "'"},
		{`"`, `"`},
		{`"`, `\q"`},
		{"[", "]"},
		{"{", "}"},
		{"{", ": x}"},
		{"{a: ", "}"},
		{"&", " x"},
		{"*", ""},
		{"!", " x"},
		{"!!null ", ""},
		{"|\n", ""},
		{"@", ""},
		{"a: ", ""},
		{"http://u:", "@proxy.example"},
		{"http://u:", "@ x"},
		{"x ", " y"},
		{"", "\n   x: 1"},
		{"# ", "\n"},
		{"\x01", "\xff"},
	} {
		f.Add(around[0], around[1])
	}
	f.Add("http://", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before, "\r\n\u0085\u2028\u2029") || strings.Contains(before+after, marker) {
			t.Skip("the secret would stand somewhere else")
		}
		for _, place := range []string{
			"credentials:\n      secret_key: a\n      access_key: ", "credentials:\n      access_key: a\n      secret_key: ",
			"credentials:\n      access_key: a\n      secret_key: a\n      security_token: ", "credentials:\n      access_key: a\n      secret_key_file: ", "proxy_url: ", "tls_config:\n      key: ", "tls_config:\n      ca: ",
		} {
			for _, text := range []string{
				minimal + "    " + place + before + marker + after + "\n",
				minimal + "defaults:\n    " + place + before + marker + after + "\n",
			} {
				if isProxyHost(t, text) {
					continue
				}
				if said := allSaid(t, text, filepath.Join(t.TempDir(), "none")); strings.Contains(said, marker) {
					t.Errorf("%q is answered with a secret:\n%s", text, said)
				}
			}
		}
	})
}

// isProxyHost reports whether text is a valid configuration whose proxy host
// contains the marker. The proxy's host is printed on purpose: it is not a secret.
func isProxyHost(t *testing.T, text string) bool {
	t.Helper()
	cfg, err := config.Parse("c.yml", []byte(text), t.TempDir())
	if err != nil || cfg.Projects[0].Proxy == nil {
		return false
	}
	proxy, err := cfg.Projects[0].Proxy(httptest.NewRequest(http.MethodGet, "https://dcs.cn-north-4.myhuaweicloud.com/", nil))
	return err == nil && proxy != nil && strings.Contains(strings.ToLower(proxy.Host), strings.ToLower(marker))
}
