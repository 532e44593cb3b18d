package config

import (
	"net/http"
	"net/url"
	"strings"
)

// KeyHost is a host that a project's key is sent to.
type KeyHost struct {
	Host  string // with its port, unless that is the scheme's own
	Proxy string // host and port of the proxy on the way, "" for none
	When  string // when it is asked, or what for; "" for with each request
}

// String says in words where the key goes.
func (h KeyHost) String() string {
	text := h.Host
	if h.When != "" {
		text += " (" + h.When + ")"
	}
	if h.Proxy != "" {
		text += " through the proxy " + h.Proxy
	}
	return text
}

// KeyHosts returns the hosts that a project's key is sent to: those that the
// exporter itself asks, and with online also those that check --online asks.
func (p *Project) KeyHosts(online bool) []KeyHost {
	hosts := []KeyHost{p.keyHost(p.Endpoint, "")}
	var when []string
	if p.ProjectID == "" {
		when = append(when, "for the project's id")
	}
	if p.Credentials == nil {
		when = append(when, "for a key, if the key's source is an identity token")
	}
	if online {
		when = append(when, "to check the region")
	}
	if p.IAMEndpoint == "" || len(when) == 0 {
		return hosts
	}
	if iam := p.keyHost(p.IAMEndpoint, strings.Join(when, "; ")); iam.Host != hosts[0].Host {
		hosts = append(hosts, iam)
	}
	return hosts
}

// keyHost returns the host of a base URL with the proxy on the way to it.
func (p *Project) keyHost(base, when string) KeyHost {
	u, err := url.Parse(base)
	if err != nil {
		return KeyHost{Host: base, When: when}
	}
	h := KeyHost{Host: u.Host, When: when}
	if standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]; u.Port() == standard {
		h.Host = strings.TrimSuffix(u.Host, ":"+standard)
	}
	if p.Proxy != nil {
		if proxy, err := p.Proxy(&http.Request{URL: u}); err == nil && proxy != nil {
			h.Proxy = proxy.Host // its URL may hold a password
		}
	}
	return h
}

// keyGoesTo says in words where the key goes.
func (p *Project) keyGoesTo() string {
	var texts []string
	for _, h := range p.KeyHosts(false) {
		texts = append(texts, h.String())
	}
	return strings.Join(texts, ", ")
}
