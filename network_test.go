package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for 127.0.0.1, valid for an hour
// around a time, and writes it to a file.
func certificate(t *testing.T, around time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: around.Add(-30 * time.Minute), NotAfter: around.Add(30 * time.Minute), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// serveTLS serves the emulated API with a certificate, nil for httptest's own.
func serveTLS(t *testing.T, c *tls.Certificate) string {
	t.Helper()
	server := httptest.NewUnstartedServer(newAPI())
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	if c != nil {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*c}, MinVersion: tls.VersionTLS12}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// answering serves one status to all requests, and counts them.
func answering(t *testing.T, status int, asked *atomic.Int64) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestBadNetwork checks the messages when the API cannot be reached.
func TestBadNetwork(t *testing.T) {
	good, goodCA := certificate(t, time.Now())
	old, oldCA := certificate(t, time.Now().AddDate(-1, 0, 0))
	early, earlyCA := certificate(t, time.Now().AddDate(1, 0, 0))
	secure, plain := serveTLS(t, &good), serveTLS(t, nil)
	var asked, tunnels atomic.Int64
	wantsPassword, forbids := answering(t, http.StatusProxyAuthRequired, &asked), answering(t, http.StatusForbidden, &tunnels)
	for _, tt := range []struct {
		name, endpoint, lines string
		says                  string
	}{
		{"the right CA", secure, "    tls_config: {ca_file: " + goodCA + "}\n", ""},
		{"no CA", secure, "", "the endpoint's certificate is signed by an unknown authority (CN=authority of a test): name your CA in tls_config.ca_file"},
		{"another CA", secure, "    tls_config: {ca_file: " + oldCA + "}\n", "the endpoint's certificate is signed by another authority (CN=authority of a test) than the one in tls_config: correct tls_config.ca_file"},
		{"another name", strings.Replace(secure, "127.0.0.1", "localhost", 1), "    tls_config: {ca_file: " + goodCA + "}\n", "the endpoint's certificate is for another host: check the endpoint, or set tls_config.server_name"},
		{"too late", serveTLS(t, &old), "    tls_config: {ca_file: " + oldCA + "}\n", "the endpoint's certificate is not valid at the time of this machine: check the machine's clock"},
		{"too early", serveTLS(t, &early), "    tls_config: {ca_file: " + earlyCA + "}\n", "the endpoint's certificate is not valid at the time of this machine: check the machine's clock"},
		{"TLS asked of a plain port", strings.Replace(wantsPassword, "http:", "https:", 1), "", "the endpoint does not speak TLS: check its port"},
		{"plain text to a TLS port", strings.Replace(plain, "https:", "http:", 1), "", "HTTP 400: response is not JSON: Client sent an HTTP request to an HTTPS server"},
		{"nobody there", "https://127.0.0.1:1", "", "connection refused"},
		{"the proxy wants a password for a tunnel", secure, "    proxy_url: " + strings.Replace(wantsPassword, "//", "//user:SECRET@", 1) + "\n", "the proxy wants a user name and password, or does not know the ones that it was given: check proxy_url: the proxy answered HTTP 407"},
		{"the proxy wants a password", "http://127.0.0.1:1", "    proxy_url: " + wantsPassword + "\n", "HTTP 407: the proxy wants a user name and password"},
		{"the proxy forbids", secure, "    proxy_url: " + forbids + "\n", "the proxy does not connect to the endpoint: check the proxy's rules, and endpoint: the proxy answered HTTP 403 Forbidden"},
		{"no proxy there", secure, "    proxy_url: http://user:SECRET@127.0.0.1:1\n", "the proxy cannot be reached: check proxy_url"},
		{"the proxy's own CA", secure, "    proxy_url: " + plain + "\n", "the proxy's certificate is signed by an unknown authority"},
		{"TLS asked of a plain proxy", secure, "    proxy_url: " + strings.Replace(forbids, "http:", "https:", 1) + "\n", "the proxy does not speak TLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked.Store(0)
			err := list(t, tt.endpoint, tt.lines, t.TempDir())
			if (err == nil) != (tt.says == "") || (err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "SECRET"))) {
				t.Errorf("got %v\nwant %s", err, tt.says)
			}
			if n := asked.Load(); n > 1 {
				t.Errorf("the proxy was asked %d times: it may count the refusals", n)
			}
		})
	}
}
