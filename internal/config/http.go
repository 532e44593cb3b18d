package config

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/file"

	promconfig "github.com/prometheus/common/config"
)

// proxyURL decodes the URL of a proxy. Problems do not repeat it: it may contain a
// password.
func (v value) proxyURL(to *promconfig.URL) {
	s, ok := v.scalar("a URL")
	if !ok {
		return
	}
	u, err := url.Parse(s)
	if err != nil || !isHost(u) || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		v.problem("is not a URL such as http://proxy.example:3128, with http, https or socks5")
		return
	}
	to.URL = u
	if _, secret := u.User.Password(); secret {
		v.warnInline()
	}
}

// checkProxy records what is wrong with the proxy settings of a project together.
func checkProxy(project value, c *promconfig.ProxyConfig) {
	switch hasURL := project.has("proxy_url"); {
	case c.ProxyFromEnvironment && hasURL:
		project.at("proxy_from_environment").problem("set proxy_from_environment or proxy_url, not both")
	case c.NoProxy != "" && !hasURL:
		project.at("no_proxy").problem("requires proxy_url; with proxy_from_environment, NO_PROXY of the environment applies")
	}
}

// connection returns Project.Connection.
func (p *Project) connection(proxy *promconfig.ProxyConfig, files *file.Reader) string {
	hash := sha256.New()
	add := func(values ...any) { fmt.Fprintf(hash, "%#v\n", values) }
	add(p.Region, p.ProjectID, p.Endpoint, p.IAMEndpoint, p.STSEndpoint)
	if a := p.AssumeAgency; a != nil {
		add(a.Domain, a.Agency)
	}
	if c := p.Credentials; c != nil {
		for _, s := range []dcsapi.Secret{c.AccessKey, c.SecretKey, c.SecurityToken} {
			add(s.Value, s.File) // the files themselves are read for every request
		}
	}
	if proxy.ProxyURL.URL != nil {
		add(proxy.ProxyURL.String())
	}
	add(proxy.NoProxy, proxy.ProxyFromEnvironment)
	if c := p.TLS; c != nil {
		add(c.CA, c.Cert, string(c.Key), c.ServerName, c.MinVersion, c.MaxVersion)
		for _, path := range []string{c.CAFile, c.CertFile, c.KeyFile} {
			content, _ := files.Read(context.Background(), path, maxTLSFile) // was checked before, if there is one
			add(path, string(content))
		}
	}
	add(p.MaxConcurrentRequests, p.RequestsPerSecond)
	return hex.EncodeToString(hash.Sum(nil))
}

// maxTLSFile is the maximum size of a file of the TLS settings, in bytes. A
// system's bundle of authorities takes a few hundred KiB.
const maxTLSFile = 1 << 20

// tls decodes the settings of TLS connections.
func (d *decoder) tls(v value) *promconfig.TLSConfig {
	var c promconfig.TLSConfig
	secret := func(to *string) func(value) {
		return func(v value) {
			v.secret = true
			v.text(to)
		}
	}
	version := func(to *promconfig.TLSVersion) func(value) {
		return func(v value) {
			var name string
			v.oneOf(&name, "TLS12", "TLS13")
			*to = promconfig.TLSVersions[name]
		}
	}
	before := len(d.found)
	v.mapping(fields{
		"ca":        secret(&c.CA),
		"ca_file":   func(v value) { v.file(&c.CAFile) },
		"cert":      secret(&c.Cert),
		"cert_file": func(v value) { v.file(&c.CertFile) },
		"key": func(v value) {
			secret((*string)(&c.Key))(v)
			v.warnInline()
		},
		"key_file": func(v value) {
			v.file(&c.KeyFile)
			v.warnReadable(c.KeyFile)
		},
		"server_name": func(v value) { v.text(&c.ServerName) },
		"min_version": version(&c.MinVersion),
		"max_version": version(&c.MaxVersion),
		"insecure_skip_verify": func(v value) {
			skip := false
			v.boolean(&skip)
			if skip {
				v.problem("certificates are always verified: set ca_file to the authority that signed the endpoint's certificate")
			}
		},
	})
	v.notBoth("ca")
	v.notBoth("cert")
	v.notBoth("key")
	if c.MaxVersion != 0 && c.MinVersion > c.MaxVersion {
		v.at("min_version").problem("must not be above max_version")
	}
	if len(d.found) == before {
		checkCertificates(v, &c)
	}
	return &c
}

// checkCertificates loads the certificates and records what is wrong, without
// repeating their content.
func checkCertificates(v value, c *promconfig.TLSConfig) {
	ca, caAt, caGood := pem(v, "ca", c.CA, c.CAFile)
	cert, certAt, certGood := pem(v, "cert", c.Cert, c.CertFile)
	key, keyAt, keyGood := pem(v, "key", string(c.Key), c.KeyFile)
	if caGood && ca != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(ca)) {
		caAt.problem("contains no certificate in PEM format")
	}
	switch {
	case !certGood || !keyGood:
	case key == "" && cert != "":
		certAt.problem("the certificate needs its key: set key or key_file")
	case cert == "" && key != "":
		keyAt.problem("the key needs its certificate: set cert or cert_file")
	case cert != "":
		if _, err := tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
			certAt.problem("the certificate and the key do not match, are not in PEM format, or the key is encrypted")
		}
	}
}

// pem returns a PEM text that is set in the configuration or in a file, and the
// place where it is set. It returns false if the file is unusable.
func pem(v value, name, inline, file string) (string, value, bool) {
	if file == "" {
		return inline, v.at(name), true
	}
	at := v.at(name + "_file")
	content, ok := at.content(file, maxTLSFile)
	return content, at, ok
}
