package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"dcs_session_exporter/internal/loopback"

	"go.yaml.in/yaml/v3"
)

// Access describes who can reach the exporter's endpoints.
type Access struct {
	ListenAddresses []string // as in --web.listen-address
	SystemdSocket   bool     // systemd opens the listeners instead
	ConfigFile      string   // exporter-toolkit's web configuration, "" for none
}

// errOpen is the reason for refusing to show sessions to everybody.
var errOpen = errors.New("sessions show client addresses and users, so they require loopback (--web.listen-address=127.0.0.1:9947) or authentication: " +
	"set basic_auth_users in --web.config.file, or client_auth_type: RequireAndVerifyClientCert with client_ca_file")

// Restricted returns nil if only users of this machine, or users who
// authenticate, can reach the endpoints, and otherwise an error that says why
// not. It reads the web configuration each time, because a change of its users
// takes effect at run time. A change of its TLS settings does not.
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

// admit returns nil if a request may see sessions, and otherwise why not.
func (a Access) admit(r *http.Request) error {
	how, err := a.authentication()
	switch {
	case err != nil:
		return err
	case how.users, how.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return nil
	case !a.loopback():
		return errOpen
	case !isLoopbackAddress(r.Host):
		// With DNS rebinding, another site's page could read them.
		return fmt.Errorf("without authentication, sessions are shown only under the host name localhost or a loopback address, not under %q", r.Host)
	default:
		return nil
	}
}

// loopback reports whether only this machine can reach the endpoints.
func (a Access) loopback() bool {
	for _, address := range a.ListenAddresses {
		if !isLoopbackAddress(address) {
			return false
		}
	}
	return !a.SystemdSocket && len(a.ListenAddresses) > 0
}

// isLoopbackAddress reports whether a host, with or without a port, is this
// machine and cannot be reached from another one.
func isLoopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	}
	return loopback.IsHost(host)
}

// UsesTLS reports whether a web configuration makes the exporter serve TLS. It
// reports false if the file is missing or invalid, which exporter-toolkit
// reports.
func UsesTLS(configFile string) bool {
	text, err := os.ReadFile(configFile)
	if err != nil {
		return false
	}
	var c struct {
		TLS map[string]yaml.Node `yaml:"tls_server_config"`
	}
	return yaml.Unmarshal(text, &c) == nil && len(c.TLS) > 0
}

// authentication is what the web configuration requires of clients.
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
	// exporter-toolkit validates the rest.
	var c struct {
		Users map[string]yaml.Node `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth   string `yaml:"client_auth_type"`
			ClientCAFile string `yaml:"client_ca_file"`
			ClientCA     string `yaml:"client_ca"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return authentication{}, fmt.Errorf("%s is not a valid web configuration", a.ConfigFile) // the error may quote secrets
	}
	return authentication{
		users:        len(c.Users) > 0,
		certificates: c.TLS.ClientAuth == "RequireAndVerifyClientCert" && c.TLS.ClientCAFile+c.TLS.ClientCA != "",
	}, nil
}
