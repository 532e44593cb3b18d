package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckOffline compares the output of check: the meaning of the configuration
// with the hosts that receive the key, then the warnings. Warnings do not make it
// fail.
func TestCheckOffline(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yml")
	file := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	check := func(text string, mode os.FileMode) string {
		t.Helper()
		file("config.yml", text, mode)
		var stdout, stderr output
		if err := run(t.Context(), []string{"check", "--config.file=" + path}, &stdout, &stderr); err != nil {
			t.Fatalf("it ends with %v", err)
		}
		if stderr.String() != "" {
			t.Errorf("on stderr:\n%s", stderr.String())
		}
		return strings.ReplaceAll(stdout.String(), dir, "DIR")
	}
	file("sk", "\uFEFFSECRETSK\n", 0o644)
	const good = `projects:
  - region: cn-north-4
    project_id: 05041fffa40025702f6dc009cc6f8f33
    credentials: {access_key: a, secret_key_file: sk}
    proxy_url: http://user:SECRET@proxy.example:3128
    instances: [{id: 1f63d64e-0000-4000-8000-000000000000}]
`
	const meaning = `  endpoint     https://dcs.cn-north-4.myhuaweicloud.com
  credentials  access key from this file, secret key from DIR/sk
  key goes to  dcs.cn-north-4.myhuaweicloud.com through the proxy proxy.example:3128
  instances    1
    ID  its proxies, or else all its nodes
  limits       8 requests at once, 20 per second
New session lists are taken on a scrape, at most every 25s; a scrape waits up to 3s for them.
Lists up to 5m0s old are used. A scrape takes at most 30s.
`
	bad := strings.NewReplacer("05041fffa40025702f6dc009cc6f8f33", "orders", "1f63d64e-0000-4000-8000-000000000000", "prod-orders", "access_key: a", "access_key: '${SECRETAK}'").Replace(good)
	want := `DIR/config.yml is valid, with 6 warnings.

Project in region cn-north-4
  id           orders
` + strings.Replace(meaning, "ID", "prod-orders", 1) + `
WARNINGS
DIR/config.yml:3: projects[0].project_id: "orders" does not look like a project id (32 hexadecimal digits): is it a name? The console shows the id under My Credentials
DIR/config.yml:4: projects[0].credentials.access_key: contains a variable, and variables are not expanded: write the value itself, or put it into a file and set access_key_file, or remove credentials: the default chain reads the environment
DIR/config.yml:4: projects[0].credentials.secret_key_file: file DIR/sk can be read by every user of this machine: run chmod o-r on it
DIR/config.yml:4: projects[0].credentials.secret_key_file: file DIR/sk begins with a byte order mark, which is ignored: save it as UTF-8 without one
DIR/config.yml:5: projects[0].proxy_url: every user of this machine can read the file that contains this secret: run chmod o-r on it
DIR/config.yml:6: projects[0].instances[0].id: "prod-orders" does not look like an instance id such as 1f63d64e-0000-4000-8000-000000000000: is it a name? check --online shows the id
`
	if got := check(bad, 0o644); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	file("sk", "SECRETSK\n", 0o640)
	want = "DIR/config.yml is valid.\n\nProject in region cn-north-4\n  id           05041fffa40025702f6dc009cc6f8f33\n" + strings.Replace(meaning, "ID", "1f63d64e-0000-4000-8000-000000000000", 1)
	if got := check(good, 0o640); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := check(good, 0o644); !strings.HasPrefix(got, "DIR/config.yml is valid, with 1 warning.\n") {
		t.Errorf("got\n%s", got)
	}
}

// TestReadableSecretsAreLogged checks that the daemon logs, once, which secrets
// every user of the machine can read.
func TestReadableSecretsAreLogged(t *testing.T) {
	server := httptest.NewServer(newNodeAPI())
	defer server.Close()
	dir := t.TempDir()
	setKey(t, dir, "ak", "\uFEFFAK")
	setKey(t, dir, "sk", "\uFEFFSECRETSK")
	if err := os.Chmod(filepath.Join(dir, "sk"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := serveFile(t, fromFiles(server.URL, dir))
	r.wantLine(up) // byte order marks are no part of a key
	r.write("# a line more\n" + fromFiles(server.URL, dir))
	if status, body := r.request(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	r.wantLog(`msg="secret not protected" file=`+r.config+` line=6 key=projects[0].credentials.secret_key_file err="file `+dir+`/sk can be read by every user`, 1)
	r.wantLog("secret not protected", 1)
	r.wantLog("does not look like", 0)
}
