package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
)

// clients holds the API clients of a configuration's projects. The zero value
// has none.
type clients struct {
	logger  log.Logger     // nil for none
	keyring dcsapi.Keyring // outlives configurations: a refused key stays refused after a reload
	open    map[string]*dcsapi.Client
	wrap    func(http.RoundTripper) http.RoundTripper // around their transports; nil for none
	keys    sync.Map                                  // last dcsapi.KeyEvent by config.Project.Connection
}

// connect returns the projects of a configuration, each with a client, and how
// many of the clients it kept from the previous configuration. It closes
// clients that are no longer needed. If it fails, it changes nothing.
func (c *clients) connect(cfg *config.Config, own *exposition.SelfMetrics) (projects []collector.Project, kept int, err error) {
	needed := make(map[string]*dcsapi.Client)
	for _, p := range cfg.Projects {
		client := c.open[p.Connection]
		if client != nil {
			kept++
		} else if client, err = c.newClient(p, own); err != nil {
			return nil, 0, fmt.Errorf("project in region %s: %w", p.Region, err)
		}
		needed[p.Connection] = client
		project := collector.Project{
			API: client, ReadReplicas: p.ReadReplicas, PagesAtOnce: p.MaxConcurrentRequests, RequestsPerSecond: p.RequestsPerSecond,
		}
		for _, i := range p.Instances {
			project.Instances = append(project.Instances, fleet.Instance(i))
		}
		if p.Discover != nil {
			project.Discover, project.MaxClients = p.Discover.Matches, p.Discover.MaxClients
		}
		projects = append(projects, project)
	}
	for _, p := range cfg.Projects {
		needed[p.Connection].UseInstanceIDs(p.InstanceIDs()...)
	}
	for connection, client := range c.open {
		if needed[connection] == nil {
			client.Close() // idle connections only: requests in progress continue
		}
	}
	c.open = needed
	return projects, kept, nil
}

// close closes all clients.
func (c *clients) close() {
	for _, client := range c.open {
		client.Close()
	}
}

// newClient makes the client of a project.
func (c *clients) newClient(p config.Project, own *exposition.SelfMetrics) (*dcsapi.Client, error) {
	o, err := clientOptions(p, &c.keyring)
	if err != nil {
		return nil, err
	}
	o.Wrap = c.wrap
	var client *dcsapi.Client
	var reportAsking func(dcsapi.KeyEvent)
	o.Observer.Request = func(operation, code string, took time.Duration) {
		own.ObserveRequest(client.KnownProjectID(), operation, code, took)
	}
	o.Observer.RateLimited = func(waited time.Duration) { own.ObserveWait(client.KnownProjectID(), waited) }
	if c.logger != nil {
		o.Observer.Key = func(n dcsapi.KeyEvent) {
			c.keys.Store(p.Connection, n)
			logKey(log.With(c.logger, "region", p.Region), n)
		}
		reportAsking = func(n dcsapi.KeyEvent) { logKey(log.With(c.logger, "region", p.Region), n) }
		odd := oddities{logger: log.With(c.logger, "region", p.Region, "project_id", log.Valuer(func() any { return client.KnownProjectID() }))}
		o.Observer.Warning = odd.observe
	}
	client = dcsapi.New(withAgency(p, o, reportAsking))
	return client, nil
}

// withAgency returns the client options for a project that is read with the keys of
// an agency, if it is one. The requests for those keys are neither recorded nor do
// they count for the project's limits. report is called for changes of the key that
// asks; nil for nobody.
func withAgency(p config.Project, o dcsapi.Options, report func(dcsapi.KeyEvent)) dcsapi.Options {
	a := p.AssumeAgency
	if a == nil {
		return o
	}
	asking := o
	asking.Wrap, asking.Observer = nil, dcsapi.Observer{Request: o.Observer.Request, Key: report}
	o.Keys = dcsapi.NewAgency(dcsapi.AgencyOptions{
		Agency: dcsapi.Agency{Domain: a.Domain, Name: a.Agency}, STSEndpoint: p.STSEndpoint, Client: asking,
	})
	return o
}

// clientOptions returns the client options for a project's configuration.
func clientOptions(p config.Project, keyring *dcsapi.Keyring) (dcsapi.Options, error) {
	o := dcsapi.Options{
		Region: p.Region, Endpoint: p.Endpoint, IAMEndpoint: p.IAMEndpoint, ProjectID: p.ProjectID,
		Keyring: keyring, Proxy: p.Proxy,
		MaxConcurrentRequests: p.MaxConcurrentRequests, RequestsPerSecond: p.RequestsPerSecond,
		UserAgent: name + "/" + version.Version,
	}
	if p.TLS != nil {
		tlsConfig, err := promconfig.NewTLSConfig(p.TLS)
		if err != nil {
			return o, fmt.Errorf("tls_config: %w", err)
		}
		o.TLS = tlsConfig
	}
	if c := p.Credentials; c != nil {
		o.Keys = dcsapi.NewConfiguredKey(c.AccessKey, c.SecretKey, c.SecurityToken)
	} else {
		o.Keys = dcsapi.NewDefaultChain(p.IAMEndpoint, dcsapi.NewTransport(p.Proxy, o.TLS, 2))
	}
	return o, nil
}

// logKey logs a change of a project's key, or why it was not replaced.
func logKey(logger log.Logger, n dcsapi.KeyEvent) {
	logger = log.With(logger, "source", n.Origin)
	if !n.Ends.IsZero() {
		logger = log.With(logger, "ends", n.Ends.UTC().Format(time.RFC3339))
	}
	switch {
	case n.Err == nil:
		level.Info(logger).Log("msg", "key in use")
	case !n.Ends.IsZero() && time.Now().After(n.Ends):
		level.Warn(logger).Log("msg", "key not replaced, and the last one has expired", "err", n.Err)
	default:
		level.Warn(logger).Log("msg", "key not replaced: the current one stays in use", "err", n.Err)
	}
}
