// Package onlinecheck asks the DCS API whether a configuration will work: is
// the key accepted, does it have the permissions, do the projects, instances and
// nodes exist, is there a session list and how old is it. It reads at most one
// session per node and never triggers a scan.
package onlinecheck

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
)

// API is the part of a project's dcsapi.Client that a check needs. It can only
// read.
type API interface {
	ProjectID(context.Context) (string, error)
	KnownProjectID() string
	KeyOrigin() string
	KeyAccepted(context.Context) bool
	ListInstances(context.Context) ([]dcsapi.Instance, error)
	GetInstance(ctx context.Context, id string) (dcsapi.Instance, error)
	ListNodes(ctx context.Context, instanceID string) ([]dcsapi.Node, error)
	ListProjectNodes(context.Context) (map[string][]dcsapi.Node, error)
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
	ListProjects(context.Context) ([]dcsapi.Project, error)
	GetLimits(ctx context.Context, instanceID string) (dcsapi.Limits, error)
	Close()
}

// Options configure a check.
type Options struct {
	Config     *config.Config
	ConfigFile string // name of the file, for the report
	// Connect returns the client of a project, which must report to the observer.
	// The clients must share a dcsapi.Keyring, so that a refused key is not used
	// again.
	Connect func(config.Project, dcsapi.Observer) (API, error)
	Timeout time.Duration    // of the whole check
	Now     func() time.Time // default time.Now
}

const (
	// iamShare is the fraction of the timeout that is reserved for IAM, which is
	// asked last, but at most iamMost.
	iamShare = 0.2
	iamMost  = 5 * time.Second
)

// Run checks a configuration against the API, all projects concurrently. It
// returns within the timeout, or when ctx ends, with what it has found until
// then. It returns an error only if Connect fails.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	readCtx, cancelRead := context.WithTimeout(ctx, o.Timeout-min(time.Duration(iamShare*float64(o.Timeout)), iamMost))
	defer cancelRead()

	report := &Report{
		FormatVersion: formatVersion, ConfigFile: o.ConfigFile, CheckedAt: o.Now().UTC().Truncate(time.Second),
		ScanMode: string(o.Config.Scan.Mode), Projects: make([]Project, len(o.Config.Projects)),
	}
	var requests atomic.Int64
	checks := make([]*projectCheck, len(o.Config.Projects))
	for k := range o.Config.Projects {
		c := newProjectCheck(&o, &o.Config.Projects[k], &report.Projects[k])
		api, err := o.Connect(o.Config.Projects[k], dcsapi.Observer{
			Request: func(string, string, time.Duration) { requests.Add(1) },
			Date:    c.clock.observe,
			Warning: c.observeOddity,
		})
		if err != nil {
			return nil, fmt.Errorf("project in region %s: %w", c.config.Region, err)
		}
		defer api.Close()
		c.api = api
		checks[k] = c
	}

	var wait sync.WaitGroup
	for _, c := range checks {
		wait.Go(func() { c.read(readCtx) })
	}
	wait.Wait()
	whereElse(checks)
	// Ask IAM last: the exporter does not need it if the project's id is known,
	// and once IAM has refused a key, that key cannot be used for DCS either.
	for _, c := range checks {
		wait.Go(func() { c.verifyRegion(ctx) })
	}
	wait.Wait()

	report.Requests = int(requests.Load())
	for _, c := range checks {
		c.finish()
	}
	report.conclude()
	return report, nil
}

// projectCheck is the check of one project.
type projectCheck struct {
	options *Options
	config  *config.Project
	api     API
	address aggregate.AddressOptions
	clock   clock

	list []dcsapi.Instance // instances of the project; nil if they could not be listed

	mu      sync.Mutex // guards the fields below, and the findings
	report  *Project
	refused bool            // the key was refused, or there is none
	granted map[string]bool // by action; unknown ones are absent
	reached bool            // the API answered
	refusal error           // why a request that needs the project's id failed, nil if none did
}

// The actions that the exporter needs permission for. Without the last one it goes
// on, and knows fewer limits.
const (
	actionListInstances    = "dcs:instance:list"
	actionGetInstance      = "dcs:instance:get"
	actionListClients      = "dcs:clients:list"
	actionGetConfiguration = "dcs:instance:getConfiguration"
)

func newProjectCheck(o *Options, p *config.Project, report *Project) *projectCheck {
	*report = Project{
		Region: p.Region, ProjectID: p.ProjectID,
		Endpoint: Endpoint{URL: p.Endpoint, Proxied: p.Proxy != nil},
		Findings: []Finding{}, Instances: []Instance{},
	}
	for _, h := range p.KeyHosts(true) {
		report.KeyHosts = append(report.KeyHosts, KeyHost{h.Host, h.Proxy})
	}
	return &projectCheck{
		options: o, config: p, report: report, granted: make(map[string]bool), clock: clock{now: o.Now},
		address: aggregate.AddressOptions{Source: aggregate.AddressSource(o.Config.ClientAddress.Source)},
	}
}

// add appends a finding.
func (c *projectCheck) add(to *[]Finding, f Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*to = append(*to, f)
}

// observeOddity reports an undocumented form in an answer, each once.
func (c *projectCheck) observeOddity(_, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := Finding{
		Severity: SeverityWarning, Reason: dcsapi.ReasonDecode,
		Message: "the API's answer differs from its documentation: " + text,
		Action:  "report it to the exporter's developers, with the answer's form; the exporter uses the rest of the answer",
	}
	if !slices.Contains(c.report.Findings, f) {
		c.report.Findings = append(c.report.Findings, f)
	}
}

// answered records how a request for an action ended. action is "" if the
// request needs no particular permission. It adds a finding for the first
// refusal of the key, and reports whether err is a refusal.
func (c *projectCheck) answered(action string, err error) (refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	details := detailsOf(err)
	if err == nil || (details.Status != 0 && details.Problem != dcsapi.ProblemProxy) {
		c.reached = true
	}
	if action != "" {
		if lacks(err) {
			c.granted[action] = false
		} else if _, known := c.granted[action]; err == nil && !known {
			c.granted[action] = true
		}
	}
	return c.refuse(c.dcs(), err)
}

// refuse adds a finding for the first refusal of the key, and reports whether
// err is a refusal. c.mu must be held.
func (c *projectCheck) refuse(from place, err error) bool {
	if dcsapi.ReasonOf(err) != dcsapi.ReasonAuth {
		return false
	}
	if !c.refused {
		c.refused = true
		if details := detailsOf(err); details.Status != 0 || details.Held {
			c.report.Key.Accepted = new(false)
		}
		c.report.Findings = append(c.report.Findings, c.explain(from, "", "", err))
	}
	return true
}

// finish fills in what is known only at the end of a project's check.
func (c *projectCheck) finish() {
	r := c.report
	r.ProjectID = c.api.KnownProjectID()
	r.Key.Source = c.api.KeyOrigin()
	actions := []string{actionListInstances, actionGetInstance, actionListClients}
	if c.options.Config.LimitsInterval > 0 {
		actions = append(actions, actionGetConfiguration)
	}
	for _, action := range actions {
		p := Permission{Action: action}
		if granted, known := c.granted[action]; known {
			p.Granted = &granted
		}
		r.Permissions = append(r.Permissions, p)
	}
	if c.reached {
		r.Endpoint.Reached = &c.reached
		r.Endpoint.Problem = ""
	}
	if other := otherRegion(c.config); other != "" {
		r.Findings = append(r.Findings, Finding{
			Severity: SeverityWarning, Reason: reasonRegion,
			Message: fmt.Sprintf("the endpoint %s belongs to region %s, but the configuration says %s", hostOf(c.config.Endpoint), other, c.config.Region),
			Action:  "correct region or endpoint, or remove endpoint: its default is derived from the region",
		})
	}
	if skew, known := c.clock.skew(); known {
		r.ClockSkewSeconds = new(skew.Seconds())
		if f, found := skewFinding(skew); found {
			r.Findings = append(r.Findings, f)
		}
	}
}
