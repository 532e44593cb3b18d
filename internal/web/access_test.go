package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dcs_session_exporter/internal/web"
)

// webConfig writes a web configuration, and returns its path.
func webConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const users = "basic_auth_users: {somebody: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n"

// TestRestricted checks which listeners and web configurations restrict access.
func TestRestricted(t *testing.T) {
	const open = "sessions show client addresses"
	for _, tt := range []struct {
		addresses string
		config    string // "" for no file
		err       string // "" for none
	}{
		{"127.0.0.1:9947", "", ""},
		{"127.8.9.1:9947", "", ""},
		{"localhost:9947", "", ""},
		{"[::1]:9947", "", ""},
		{"[::ffff:127.0.0.1]:9947", "", ""},
		{":9947", "", open},
		{"0.0.0.0:9947", "", open},
		{"[::]:9947", "", open},
		{"10.0.0.1:9947", "", open},
		{"127.0.0.1.example:9947", "", open},
		{"vsock://:9947", "", open},
		{"127.0.0.1:9947 10.0.0.1:9947", "", open},
		{"", "", open},
		{":9947", "{}", open},
		{":9947", users, ""},
		{":9947", "basic_auth_users: {}\n", open},
		{":9947", "tls_server_config: {cert_file: c, key_file: k}\n", open},
		{":9947", "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca}\n", ""},
		{":9947", "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca: ca}\n", ""},
		{":9947", "tls_server_config: {client_auth_type: RequireAndVerifyClientCert}\n", open},
		{":9947", "tls_server_config: {client_auth_type: RequireAnyClientCert, client_ca_file: ca}\n", open},
		{":9947", "tls_server_config: {client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca}\n", open},
		{":9947", "basic_auth_users: [$2y$SECRET]\n", "web.yml is not a valid web configuration"},
		{"127.0.0.1:9947", "basic_auth_users: [$2y$SECRET]\n", "web.yml is not a valid web configuration"},
	} {
		a := web.Access{ListenAddresses: strings.Fields(tt.addresses)}
		if tt.config != "" {
			a.ConfigFile = webConfig(t, tt.config)
		}
		err := a.Restricted()
		if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s with %q: got %v, want %q", tt.addresses, tt.config, err, tt.err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("a secret is in %v", err)
		}
	}
	if err := (web.Access{ListenAddresses: []string{"127.0.0.1:9947"}, SystemdSocket: true}).Restricted(); err == nil {
		t.Error("systemd may listen anywhere")
	}
	if err := (web.Access{ListenAddresses: []string{"127.0.0.1:9947"}, ConfigFile: "/nonexistent"}).Restricted(); err == nil {
		t.Error("the file is not there")
	}
}

// TestAdmitted checks that access is decided for each request: the web
// configuration may have changed, and without authentication, host names that
// others may point here are refused.
func TestAdmitted(t *testing.T) {
	config := webConfig(t, users)
	_, url := startWith(t, how{sessions: &web.Access{ListenAddresses: []string{":9947"}, ConfigFile: config}})
	_, local := startWith(t, how{sessions: onLoopback()})
	status := func(url, host string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/sessions?instance=instance-1&node=node-2", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		return do(t, req)
	}
	if got, body := status(url, "exporter.example"); got != http.StatusBadGateway { // never scanned
		t.Errorf("with authentication: %d\n%s", got, body)
	}
	for _, text := range []string{
		"{}", "basic_auth_users: [",
		"tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca}", // takes a restart: this is plain HTTP
	} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, body := status(url, "127.0.0.1"); got != http.StatusForbidden || !strings.HasPrefix(body, "Refused: ") {
			t.Errorf("with %q: %d\n%s", text, got, body)
		}
	}
	for host, want := range map[string]int{
		"127.0.0.1:9947": http.StatusBadGateway, "localhost": http.StatusBadGateway, "LOCALHOST:1": http.StatusBadGateway, "[::1]:9947": http.StatusBadGateway, "[::1]": http.StatusBadGateway,
		"evil.example": http.StatusForbidden, "127.0.0.1.evil.example:9947": http.StatusForbidden, "10.0.0.1": http.StatusForbidden,
	} {
		if got, body := status(local, host); got != want {
			t.Errorf("%s: %d, want %d\n%s", host, got, want, body)
		}
	}
}
