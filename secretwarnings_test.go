package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

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
