package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dcs_session_exporter/internal/config"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newPair returns a self-signed certificate and its key, in PEM format.
func newPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", certDER), encode("PRIVATE KEY", keyDER)
}

// TestKeyFiles checks which files with secrets are accepted.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good"), "  value \r\n")
	write(t, filepath.Join(dir, "empty"), " \n")
	write(t, filepath.Join(dir, "mark"), "\uFEFF\n")
	write(t, filepath.Join(dir, "marked"), "\uFEFFvalue\n")
	write(t, filepath.Join(dir, "two"), "S3CR3T\nS3CR3T\n")
	write(t, filepath.Join(dir, "large"), strings.Repeat("S3CR3T", 70_000/6))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"access_key_file", "secret_key_file", "security_token_file"} {
		for file, want := range map[string]string{
			"good": "", "marked": "", "mark": "file DIR/mark is empty", "empty": "file DIR/empty is empty", "two": "file DIR/two contains more than one word, or characters that cannot be part of a key",
			"large": "file DIR/large is larger than 64 KiB", "missing": "names a file that does not exist", "good/S3CR3T": "names a file that cannot be read: check its path and permissions", ".": "DIR is not a regular file", "pipe": "DIR/pipe is not a regular file",
		} {
			text := minimal + "    credentials:\n"
			for _, other := range []string{"access_key_file", "secret_key_file"} {
				if other != key {
					text += "      " + other + ": good\n"
				}
			}
			text += "      " + key + ": " + file + "\n"
			if want != "" {
				want = fmt.Sprintf("c.yml:%d: projects[0].credentials.%s: %s", strings.Count(text, "\n"), key, strings.ReplaceAll(want, "DIR", dir))
			}
			got := ""
			if _, err := config.Parse("c.yml", []byte(text), dir); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s: %s: got %q, want %q", key, file, got, want)
			}
		}
	}
}

// TestTLSFiles checks which files of tls_config are accepted.
func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := newPair(t)
	_, otherKey := newPair(t)
	write(t, filepath.Join(dir, "cert"), cert)
	write(t, filepath.Join(dir, "key"), key)
	write(t, filepath.Join(dir, "other"), otherKey)
	write(t, filepath.Join(dir, "empty"), "")
	write(t, filepath.Join(dir, "junk"), marker)
	write(t, filepath.Join(dir, "bundle"), strings.Repeat(cert, 200_000/len(cert)))
	write(t, filepath.Join(dir, "large"), strings.Repeat("x", 1<<20+1))
	for _, tt := range []struct{ tls, want string }{
		{"ca_file: cert", ""},
		{"ca_file: bundle", ""},
		{"cert_file: cert, key_file: key", ""},
		{"ca_file: missing", "ca_file: file DIR/missing does not exist"},
		{"ca_file: empty", "ca_file: file DIR/empty is empty"},
		{"ca_file: large", "ca_file: file DIR/large is larger than 1024 KiB"},
		{"ca_file: junk", "ca_file: contains no certificate in PEM format"},
		{"ca_file: ''", "ca_file: is empty: give a file name"},
		{`ca_file: "a\nb"`, "ca_file: is not a file name: give the name of a file, not its content"},
		{"cert_file: cert", "cert_file: the certificate needs its key: set key or key_file"},
		{"key_file: key", "key_file: the key needs its certificate: set cert or cert_file"},
		{"cert_file: cert, key_file: empty", "key_file: file DIR/empty is empty"},
		{"cert_file: cert, key_file: other", "cert_file: the certificate and the key do not match, are not in PEM format, or the key is encrypted"},
		{"cert_file: cert, key_file: junk", "cert_file: the certificate and the key do not match, are not in PEM format, or the key is encrypted"},
	} {
		got, want := "", ""
		if tt.want != "" {
			want = "c.yml:5: projects[0].tls_config." + strings.ReplaceAll(tt.want, "DIR", dir)
		}
		if _, err := config.Parse("c.yml", []byte(minimal+"    tls_config: {"+tt.tls+"}\n"), dir); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", tt.tls, got, want)
		}
	}
}

// TestRelativePaths checks that relative paths start at the configuration's folder
// and absolute paths are kept.
func TestRelativePaths(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "config.yml")
	write(t, filepath.Join(dir, "ak"), "a")
	write(t, filepath.Join(elsewhere, "sk"), "s")
	write(t, path, minimal+"    credentials: {access_key_file: ./ak, secret_key_file: "+filepath.Join(elsewhere, "sk")+"}\n")
	t.Chdir(elsewhere)
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Projects[0].Credentials
	if got, want := c.AccessKey.File, filepath.Join(dir, "ak"); got != want {
		t.Errorf("access key: got %s, want %s", got, want)
	}
	if got, want := c.SecretKey.File, filepath.Join(elsewhere, "sk"); got != want {
		t.Errorf("secret key: got %s, want %s", got, want)
	}
}
