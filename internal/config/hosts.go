package config

import (
	"net/http"
	"net/url"
	"strings"
)

// KeyHost is a host that receives a project's key.
type KeyHost struct {
	Host  string // with its port, unless it is the scheme's default
	Proxy string // host and port of the proxy in between, "" for none
	When  string // when or why the host is asked; "" if it receives every request
}

// String describes where the key goes.
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

// KeyHosts returns the hosts that receive a project's key: those that the
// exporter asks, and if online is set also those that check --online asks.
func (p *Project) KeyHosts(online bool) []KeyHost {
	hosts := []KeyHost{p.keyHost(p.Endpoint, "")}
	var when []string
	if p.ProjectID == "" {
		when = append(when, "for the project's id")
	}
	if p.Credentials == nil {
		when = append(when, "to get a key, if the source is an identity token")
	}
	if online {
		when = append(when, "to check the region")
	}
	if p.AssumeAgency != nil {
		when = append(when, "for keys of the agency")
		if p.STSEndpoint != "" {
			hosts = append(hosts, p.keyHost(p.STSEndpoint, "for keys of the agency"))
		}
	}
	if p.IAMEndpoint == "" || len(when) == 0 {
		return hosts
	}
	if iam := p.keyHost(p.IAMEndpoint, strings.Join(when, "; ")); iam.Host != hosts[0].Host {
		hosts = append(hosts, iam)
	}
	return hosts
}

// keyHost returns the host of a base URL and the proxy in between.
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
			h.Proxy = proxy.Host // without the rest of its URL, which may contain a password
		}
	}
	return h
}

// keyGoesTo describes where the key goes.
func (p *Project) keyGoesTo() string {
	var texts []string
	for _, h := range p.KeyHosts(false) {
		texts = append(texts, h.String())
	}
	return strings.Join(texts, ", ")
}
