package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dcs_session_exporter/internal/config"
)

const example = "../../config.example.yml"

// TestExample checks that the example is valid and sets the defaults.
func TestExample(t *testing.T) {
	got, err := config.Load(example)
	if err != nil {
		t.Fatal(err)
	}
	text := "projects:\n  - region: cn-north-4\n    project_id: " + got.Projects[0].ProjectID + "\n    instances:\n      - id: " + got.Projects[0].Instances[0].ID + "\n"
	want, err := config.Parse("c.yml", []byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	want.Projects[0].Instances = got.Projects[0].Instances
	if diff := difference(got, want); diff != "" {
		t.Error(diff)
	}
}

// TestExampleUncommented checks that the example's commented-out settings are
// valid too: once with the files, once with the inline values.
func TestExampleUncommented(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key := newPair(t)
	for name, content := range map[string]string{"access_key": "a", "secret_key": "s", "security_token": "t", "ca.pem": cert, "client.pem": cert, "client.key": key} {
		write(t, filepath.Join(dir, name), content)
	}
	all := regexp.MustCompile(`(?m)^(    )# ( *[a-z_]+:)`).ReplaceAllString(string(text), "$1$2")
	for name, without := range map[string]string{
		"files":  `access_key|secret_key|security_token|ca|cert|key|proxy_from_environment`,
		"values": `access_key_file|secret_key_file|security_token_file|tls_config|ca|ca_file|cert|cert_file|key|key_file|server_name|min_version|max_version|insecure_skip_verify|proxy_url|no_proxy`,
	} {
		path := filepath.Join(dir, name+".yml")
		write(t, path, regexp.MustCompile(`(?m)^ *(`+without+`):.*\n`).ReplaceAllString(all, ""))
		cfg, err := config.Load(path)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
			continue
		}
		if p := cfg.Projects[0]; p.Credentials == nil || (name == "files") != (p.TLS != nil) {
			t.Errorf("%s: the comments were not taken away: %+v", name, p)
		}
	}
}

// TestExampleHasEveryKey checks that the example shows exactly the keys that the
// code knows: those in its literals of type fields.
func TestExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^ *(?:# +|- )*([a-z0-9_]+):(?: |$)`).FindAllStringSubmatch(string(text), -1) {
		shown[m[1]] = true
	}
	for _, key := range knownKeys(t) {
		if !shown[key] {
			t.Errorf("%s is not shown", key)
		}
	}
}

// knownKeys returns the keys that the package's code decodes.
func knownKeys(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); !ok || name.Name != "fields" {
				return true
			}
			for _, element := range literal.Elts {
				key, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, key)
			}
			return true
		})
	}
	if len(keys) < 50 {
		t.Fatalf("only %d keys found: %v", len(keys), keys)
	}
	return keys
}
