package onlinecheck

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"
)

// formatVersion increases when a key of the JSON form is removed or changes its
// meaning. New keys do not increase it.
const formatVersion = 1

// Result is the outcome of a check.
type Result string

// The results, from good to bad. For NotChecked, the project or the instance has
// the finding that prevented the check.
const (
	OK         Result = "ok"
	NotChecked Result = "not_checked"
	Warning    Result = "warning"
	Failed     Result = "failed"
)

// worse returns the worse of two results.
func worse(a, b Result) Result {
	order := []Result{OK, NotChecked, Warning, Failed}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// Report is the result of a check. docs/checking.md has its JSON form.
// Unknown values are absent.
type Report struct {
	FormatVersion int       `json:"format_version"`
	ConfigFile    string    `json:"config_file"`
	CheckedAt     time.Time `json:"checked_at"` // when the check began, by this machine's clock
	Result        Result    `json:"result"`
	Failures      int       `json:"failures"`
	Consequences  int       `json:"consequences"` // not counted in Failures
	Warnings      int       `json:"warnings"`
	Requests      int       `json:"requests"` // sent to DCS and IAM
	ScanMode      string    `json:"scan_mode"`
	Projects      []Project `json:"projects"`
}

// Project is the report on a project.
type Project struct {
	Region    string    `json:"region"`
	ProjectID string    `json:"project_id,omitempty"`
	Result    Result    `json:"result"`
	Endpoint  Endpoint  `json:"endpoint"`
	Key       KeyReport `json:"key"`
	KeyHosts  []KeyHost `json:"key_hosts"`

	Permissions []Permission `json:"permissions"`
	IAM         IAMReport    `json:"iam"`

	// ClockSkewSeconds is how far this machine's clock is ahead of the API's;
	// it is negative if it is behind, and exact to a second.
	ClockSkewSeconds *float64 `json:"clock_skew_seconds,omitempty"`

	InstancesListed *int       `json:"instances_listed,omitempty"` // all instances of the project
	Findings        []Finding  `json:"findings"`
	Instances       []Instance `json:"instances"` // those to be read
}

// Endpoint says whether the API was reached.
type Endpoint struct {
	URL     string `json:"url"`
	Proxied bool   `json:"proxied"`
	Reached *bool  `json:"reached,omitempty"`
	// Problem is why the API was not reached: dns, connect, timeout, tls, not_tls,
	// proxy or other.
	Problem dcsapi.Problem `json:"problem,omitempty"`
}

// KeyReport says where the key comes from, and whether the API accepts it.
type KeyReport struct {
	Source   string `json:"source,omitempty"`
	Accepted *bool  `json:"accepted,omitempty"`
}

// KeyHost is a host that receives the key, unless it is refused earlier.
type KeyHost struct {
	Host  string `json:"host"`
	Proxy string `json:"proxy,omitempty"` // in between
}

// Permission says whether the key is allowed an action.
type Permission struct {
	Action  string `json:"action"`
	Granted *bool  `json:"granted,omitempty"`
}

// IAMReport is what IAM says about the project's region.
type IAMReport struct {
	RegionMatches *bool  `json:"region_matches,omitempty"`
	Detail        string `json:"detail"`
}

// Instance is the report on an instance that the exporter will read.
type Instance struct {
	ID            string    `json:"instance_id"`
	Name          string    `json:"name,omitempty"`
	Engine        string    `json:"engine,omitempty"`
	EngineVersion string    `json:"engine_version,omitempty"`
	Status        string    `json:"status,omitempty"`
	Discovered    bool      `json:"discovered"`
	Skipped       string    `json:"skipped,omitempty"` // not_running or unsupported: why it is not read
	Result        Result    `json:"result"`
	Findings      []Finding `json:"findings"`
	Nodes         []Node    `json:"nodes"`

	clientIP dcsapi.ClientIPState
}

// Node is the report on a node.
type Node struct {
	ID   string `json:"node_id"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"` // proxy, master or slave
	Read bool   `json:"read"`           // whether the exporter reads it
	// NotRead is why the exporter does not read it: behind_proxy, replica,
	// not_listed (under nodes) or unsupported.
	NotRead string `json:"not_read,omitempty"`

	Sessions       *int64     `json:"sessions,omitempty"` // on the list, as the API counts them
	ListTakenAt    *time.Time `json:"list_taken_at,omitempty"`
	ListAgeSeconds *float64   `json:"list_age_seconds,omitempty"` // by the API's clock
	// AddressMasked is about the one session that was read.
	AddressMasked *bool `json:"address_masked,omitempty"`

	Result   Result    `json:"result,omitempty"` // absent for nodes that are not read
	Findings []Finding `json:"findings"`
}

// Severity determines whether a finding makes the check fail.
type Severity string

// The severities.
const (
	SeverityFailure     Severity = "failure"
	SeverityConsequence Severity = "consequence" // a failure that another one explains
	SeverityWarning     Severity = "warning"
)

// Finding is something that is or may be wrong.
type Finding struct {
	Severity  Severity      `json:"severity"`
	Reason    dcsapi.Reason `json:"reason"` // as in dcs_node_error, and: masked, not_running, no_list, clock, region, selection
	Message   string        `json:"message"`
	Action    string        `json:"action"` // what to do
	RequestID string        `json:"request_id,omitempty"`
	// CausedBy is the reason of the project's failure that caused a consequence.
	CausedBy dcsapi.Reason `json:"caused_by,omitempty"`

	follows *consequence // set if a failure of the project may be the cause
	cause   *Finding     // that failure, if it is the cause
}

// The reasons that dcs_node_error does not have.
const (
	reasonMasked     dcsapi.Reason = "masked"
	reasonNotRunning dcsapi.Reason = "not_running"
	reasonNoList     dcsapi.Reason = "no_list"
	reasonClock      dcsapi.Reason = "clock"
	reasonRegion     dcsapi.Reason = "region"
	reasonSelection  dcsapi.Reason = "selection"
)

// resultOf returns the result of findings.
func resultOf(findings []Finding) Result {
	out := OK
	for _, f := range findings {
		if f.Severity != SeverityWarning {
			return Failed
		}
		out = Warning
	}
	return out
}

// conclude fills in the results and counts from the findings.
func (r *Report) conclude() {
	r.Result = OK
	for k := range r.Projects {
		p := &r.Projects[k]
		r.count(p.Findings)
		p.Result = resultOf(p.Findings)
		for k := range p.Instances {
			i := &p.Instances[k]
			r.count(i.Findings)
			i.conclude()
			for _, n := range i.Nodes {
				r.count(n.Findings)
			}
			p.Result = worse(p.Result, i.Result)
		}
		r.Result = worse(r.Result, p.Result)
	}
}

// conclude fills in the results of an instance and its nodes. Those that were
// not checked already have the result NotChecked.
func (i *Instance) conclude() {
	if i.Result != NotChecked || len(i.Findings) > 0 {
		i.Result = resultOf(i.Findings)
	}
	for k := range i.Nodes {
		n := &i.Nodes[k]
		if !n.Read {
			continue
		}
		if n.Result != NotChecked || len(n.Findings) > 0 {
			n.Result = resultOf(n.Findings)
		}
		i.Result = worse(i.Result, n.Result)
	}
}

// count adds findings to the report's totals.
func (r *Report) count(findings []Finding) {
	for _, f := range findings {
		switch f.Severity {
		case SeverityFailure:
			r.Failures++
		case SeverityConsequence:
			r.Consequences++
		default:
			r.Warnings++
		}
	}
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
