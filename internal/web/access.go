package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Access says who can get at the exporter's endpoints.
type Access struct {
	ListenAddresses []string // as in --web.listen-address
	SystemdSocket   bool     // it listens wherever systemd says instead
	ConfigFile      string   // exporter-toolkit's web configuration, "" for none
}

// errOpen is why sessions are not shown to everybody.
var errOpen = errors.New("sessions name client addresses and users, and are only shown on loopback (--web.listen-address=127.0.0.1:9947), or to those " +
	"who authenticate: have basic_auth_users in --web.config.file, or client_auth_type: RequireAndVerifyClientCert with client_ca_file")

// Restricted returns nil if only this machine's users, or those who
// authenticate, can get at the endpoints; else why not. It reads the web
// configuration, whose users take effect while the exporter runs; whether it
// serves TLS does not change.
func (a Access) Restricted() error {
	how, err := a.authentication()
	switch {
	case err != nil:
		return err
	case !how.users && !how.certificates && !a.loopback():
		return errOpen
	default:
		return nil
	}
}

// admit returns why a request must not see sessions, nil if it may.
func (a Access) admit(r *http.Request) error {
	how, err := a.authentication()
	switch {
	case err != nil:
		return err
	case how.users, how.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return nil
	case !a.loopback():
		return errOpen
	case !isLoopback(r.Host):
		// A page from elsewhere whose name leads here (DNS rebinding) could read them.
		return fmt.Errorf("without authentication sessions are only shown where the exporter is called localhost or by a loopback address, not %q", r.Host)
	default:
		return nil
	}
}

// loopback tells whether only this machine can reach the endpoints.
func (a Access) loopback() bool {
	for _, address := range a.ListenAddresses {
		if !isLoopback(address) {
			return false
		}
	}
	return !a.SystemdSocket && len(a.ListenAddresses) > 0
}

// isLoopback tells whether a host, with or without a port, is this machine and
// nobody else can reach it.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// authentication is what the web configuration asks of who comes.
type authentication struct{ users, certificates bool }

// authentication reads the web configuration.
func (a Access) authentication() (authentication, error) {
	if a.ConfigFile == "" {
		return authentication{}, nil
	}
	text, err := os.ReadFile(a.ConfigFile)
	if err != nil {
		return authentication{}, fmt.Errorf("cannot read --web.config.file: %w", err)
	}
	// exporter-toolkit checks the rest of it.
	var c struct {
		Users map[string]yaml.Node `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth   string `yaml:"client_auth_type"`
			ClientCAFile string `yaml:"client_ca_file"`
			ClientCA     string `yaml:"client_ca"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return authentication{}, fmt.Errorf("%s is not valid", a.ConfigFile) // the error may quote secrets
	}
	return authentication{
		users:        len(c.Users) > 0,
		certificates: c.TLS.ClientAuth == "RequireAndVerifyClientCert" && c.TLS.ClientCAFile+c.TLS.ClientCA != "",
	}, nil
}
