package onlinecheck_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/onlinecheck"
)

// TestConnections checks endpoints that cannot be reached.
func TestConnections(t *testing.T) {
	// Another test may take a port of 127.0.0.1 that was free a moment ago.
	const nobody = "127.9.9.9:9"
	for _, tt := range []struct {
		name     string
		endpoint func(h *harness, secure *httptest.Server) string
		config   string
		problem  string
		want     finding
	}{
		{"no such name", func(*harness, *httptest.Server) string {
			return "https://" + strings.Repeat("a", 64) + ".example" // no resolver is asked about a label so long
		}, "", "dns", finding{failure, "network", "no such host", "can resolve " + strings.Repeat("a", 64)}},
		{"nobody listens", func(*harness, *httptest.Server) string { return "http://" + nobody }, "", "connect", finding{failure, "network", "refused", "check the port in endpoint"}},
		{"unknown authority", func(_ *harness, s *httptest.Server) string { return s.URL }, "", "tls", finding{failure, "network", "unknown authority", "tls_config.ca_file"}},
		{"another's certificate", func(_ *harness, s *httptest.Server) string {
			return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
		}, "    tls_config: {ca_file: ca.pem}\n", "tls", finding{failure, "network", "localhost", "the certificate is for other names"}},
		{"expired", func(_ *harness, s *httptest.Server) string { return s.URL }, "    tls_config: {ca_file: ca.pem}\nEXPIRED", "tls", finding{failure, "network", "expired", "check this machine's clock"}},
		{"no TLS there", func(h *harness, _ *httptest.Server) string {
			return strings.Replace(h.server.URL, "http:", "https:", 1)
		}, "", "not_tls", finding{failure, "network", "does not speak TLS", "check the port in endpoint"}},
		{"TLS there", func(_ *harness, s *httptest.Server) string { return strings.Replace(s.URL, "https:", "http:", 1) }, "", "", finding{failure, "decode", "HTTP request to an HTTPS server", "use https://"}},
		{"TLS that goes wrong", func(h *harness, _ *httptest.Server) string { return "https://" + h.oddTLS() }, "", "tls", finding{failure, "network", "unexpected handshake message", "tls_config.ca_file"}},
		{"no proxy there", func(*harness, *httptest.Server) string { return "https://dcs.example" }, "    proxy_url: http://user:SECRETSK@" + nobody + "\n", "proxy", finding{failure, "network", "proxyconnect", "check proxy_url"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, single("i1", plain(1)))
			config, expired := strings.CutSuffix(tt.config, "EXPIRED")
			secure := h.secure(expired)
			text := "projects:\n" + h.project("cn-north-4", "project-1", tt.endpoint(h, secure)) + config + ofOne
			r := h.check(text)
			wantFindings(t, r, tt.want)
			endpoint := r.Projects[0].Endpoint
			if string(endpoint.Problem) != tt.problem || (endpoint.Reached != nil) != (tt.problem == "") {
				t.Errorf("endpoint: %+v", endpoint)
			}
			if i := r.Projects[0].Instances[0]; i.Result != onlinecheck.NotChecked {
				t.Errorf("instance: %+v", i)
			}
			if t.Failed() {
				t.Log("\n" + h.table(r))
			}
			h.wantSameWithoutWords(r, text)
		})
	}
	t.Run("good TLS", func(t *testing.T) {
		h := newHarness(t, single("i1", plain(1)))
		h.scan("i1", "i1-node")
		r := h.check("projects:\n" + h.project("cn-north-4", "project-1", h.secure(false).URL) + "    tls_config: {ca_file: ca.pem}\n" + ofOne)
		wantFindings(t, r)
		if !strings.Contains(h.table(r), "reached, certificate valid") {
			t.Errorf("\n%s", h.table(r))
		}
	})
}

// oddTLS starts a listener whose TLS handshake fails with an untyped error: the
// server closes after its first message. It returns the address.
func (h *harness) oddTLS() string {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte{22, 3, 3, 0, 4, 20, 0, 0, 0})
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// secure serves the API over TLS with its own certificate, which may have expired.
// Its authority is in ca.pem.
func (h *harness) secure(expired bool) *httptest.Server {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if expired {
		template.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		h.t.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(h.dir, "ca.pem"), ca, 0o600); err != nil {
		h.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h.api)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	h.t.Cleanup(server.Close)
	return server
}
