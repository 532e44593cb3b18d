package web

import (
	"cmp"
	_ "embed" // the page's template
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/printable"
)

var (
	//go:embed status.html
	statusHTML string

	statusTemplate = template.Must(template.New("status").Parse(statusHTML))
)

// KeyState is where a project's key comes from, and how long it is good. It
// contains no part of the key.
type KeyState struct {
	Origin  string    // "" while there is no key
	Ends    time.Time // zero if it does not end, or if that is unknown
	Problem string    // why it was not replaced last, "" if it was
}

// statusDocument is the JSON form of the status. Times and numbers that are not
// known are null.
type statusDocument struct {
	Version     string          `json:"version"`
	InForce     time.Time       `json:"configuration_in_force_since"`
	LastScrape  *time.Time      `json:"last_scrape"`
	Projects    []projectStatus `json:"projects"`
	Settings    []setting       `json:"configuration"`
	NodesRead   int             `json:"nodes_read"`
	NodesToRead int             `json:"nodes_to_read"`

	// UnusedGroups are the client groups that no session has matched for a day.
	UnusedGroups []string `json:"unused_client_groups"`
}

type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type projectStatus struct {
	Region   string     `json:"region"`
	ID       string     `json:"project_id"`
	Key      string     `json:"key_origin"`
	KeyEnds  *time.Time `json:"key_ends"`
	KeyError string     `json:"key_error"`
	ListedAt *time.Time `json:"instances_listed_at"`
	HoldOff  float64    `json:"holdoff_seconds"`

	// LimitsRefused says that the key may not read what instances allow.
	LimitsRefused bool `json:"limits_refused"`

	InFlight  int              `json:"requests_in_flight"`
	Instances []instanceStatus `json:"instances"`
}

type instanceStatus struct {
	ID      string       `json:"instance_id"`
	Name    string       `json:"instance_name"`
	Status  string       `json:"status"`
	Skipped string       `json:"skipped"` // why it is not read on purpose
	Error   string       `json:"error"`   // why its nodes are not known
	Nodes   []nodeStatus `json:"nodes"`
}

type nodeStatus struct {
	ID       string     `json:"node_id"`
	Name     string     `json:"node_name"`
	Tried    *time.Time `json:"last_tried"`
	Read     *time.Time `json:"last_read"`
	Taken    *time.Time `json:"list_taken"`
	Sessions *int64     `json:"sessions"`
	Reason   string     `json:"reason"` // why it was not read in the last scrape
	Error    string     `json:"error"`
	Warnings []string   `json:"warnings"`
}

// known returns a time, nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// errorText returns the text of an error, "" for nil.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// newStatus returns the status. Errors have no secrets: the API's client cuts
// them out.
func (t *sessions) newStatus(s Settings, projects []collector.ProjectStatus, health collector.Health) statusDocument {
	d := statusDocument{
		Version: t.Version, InForce: s.Since.UTC(), LastScrape: known(health.Scraped),
		NodesRead: health.Read, NodesToRead: health.Nodes, Settings: []setting{}, Projects: []projectStatus{},
		UnusedGroups: append([]string{}, s.Collector.UnusedGroups()...),
	}
	for _, in := range s.InForce {
		d.Settings = append(d.Settings, setting(in))
	}
	var keys []KeyState
	if s.KeysInUse != nil {
		keys = s.KeysInUse()
	}
	for i, p := range projects {
		out := projectStatus{Region: p.Region, ID: p.ID, ListedAt: known(p.ListedAt), HoldOff: p.HoldOff.Seconds(), LimitsRefused: p.LimitsRefused, InFlight: p.InFlight, Instances: []instanceStatus{}}
		if i < len(keys) {
			out.Key, out.KeyEnds, out.KeyError = keys[i].Origin, known(keys[i].Ends), keys[i].Problem
		}
		for _, instance := range p.Instances {
			out.Instances = append(out.Instances, newInstanceStatus(instance))
		}
		d.Projects = append(d.Projects, out)
	}
	return d
}

func newInstanceStatus(i collector.InstanceStatus) instanceStatus {
	out := instanceStatus{ID: i.ID, Name: i.Details.Name, Status: i.Details.Status, Skipped: i.Skipped, Error: errorText(i.Err), Nodes: []nodeStatus{}}
	for _, n := range i.Nodes {
		node := nodeStatus{
			ID: n.ID, Name: n.Name, Tried: known(n.Tried), Read: known(n.Read), Taken: known(n.Taken),
			Reason: string(dcsapi.ReasonOf(n.Err)), Error: errorText(n.Err), Warnings: []string{},
		}
		if !n.Read.IsZero() {
			node.Sessions = &n.Sessions
		}
		for _, w := range n.Warnings {
			node.Warnings = append(node.Warnings, w.Error())
		}
		out.Nodes = append(out.Nodes, node)
	}
	return out
}

// statusPage is the data of the page's template.
type statusPage struct {
	Style          template.CSS
	Demo           bool
	Verdict, Class string
	Facts          []fact
	Projects       []projectView
	Settings       []config.Setting
}

// projectView is a project on the page.
type projectView struct {
	Name  string
	Facts []fact
	Rows  []statusRow
}

// statusRow is a node on the page, or an instance whose nodes are not shown. The
// JSON form has the ids too.
type statusRow struct{ Instance, Debug, Node, Read, Taken, Sessions, State string }

// status serves what is in force and how it goes, as a page or as JSON, from
// memory.
func (t *sessions) status(w http.ResponseWriter, r *http.Request, s Settings) {
	projects := s.Collector.Status()
	health := collector.Sum(projects)
	d := t.newStatus(s, projects, health)
	switch format := r.Form.Get("format"); format {
	case "", formatHTML:
	case formatJSON:
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(d) // an error means that the client is gone
		return
	default:
		say(w, http.StatusBadRequest, "format must be html or json.")
		return
	}
	p := statusPage{Style: template.CSS(sessionsCSS), Demo: t.Demo, Settings: s.InForce}
	p.Verdict, p.Class = verdict(health, projects)
	p.Facts = append(healthFacts(health), fact{"Configuration in force since", moment(s.Since)}, fact{"Version", t.Version})
	if len(d.UnusedGroups) > 0 {
		p.Facts = append(p.Facts, fact{"Client groups without sessions for a day", printable.Name(strings.Join(d.UnusedGroups, ", "))})
	}
	for _, project := range d.Projects {
		p.Projects = append(p.Projects, newProjectView(project))
	}
	t.page(w, http.StatusOK, statusTemplate, &p)
}

func newProjectView(p projectStatus) projectView {
	v := projectView{Name: printable.Name(p.Region) + " " + printable.Name(cmp.Or(p.ID, "(id not known yet)"))}
	v.Facts = []fact{{"Key from", printable.Name(cmp.Or(p.Key, "not known yet"))}}
	if p.KeyEnds != nil {
		v.Facts = append(v.Facts, fact{"Key ends", p.KeyEnds.Format(time.RFC3339)})
	}
	if p.KeyError != "" {
		v.Facts = append(v.Facts, fact{"Key not replaced", printable.Text(p.KeyError)})
	}
	v.Facts = append(v.Facts, fact{"Instances listed", ago(p.ListedAt)}, fact{"Requests in flight", fmt.Sprint(p.InFlight)})
	if p.LimitsRefused {
		v.Facts = append(v.Facts, fact{"Limits", "the key lacks dcs:instance:getConfiguration: see docs/limits.md"})
	}
	if p.HoldOff > 0 {
		v.Facts = append(v.Facts, fact{"Requests held off for", seconds(time.Duration(p.HoldOff * float64(time.Second)))})
	}
	for _, i := range p.Instances {
		row := statusRow{Instance: printable.Name(cmp.Or(i.Name, i.ID)), Debug: "probe?" + url.Values{"target": {i.ID}, "debug": {"true"}}.Encode()}
		if len(i.Nodes) == 0 || i.Error != "" || i.Skipped != "" {
			first := row
			first.State = printable.Text(cmp.Or(i.Error, i.Skipped, "not scraped yet"))
			if i.Skipped != "" {
				first.State = "not read on purpose: " + first.State
			}
			v.Rows = append(v.Rows, first)
		}
		if i.Skipped != "" {
			continue
		}
		for _, n := range i.Nodes {
			row.Node, row.Read, row.Taken, row.Sessions, row.State = printable.Name(cmp.Or(n.Name, n.ID)), ago(n.Read), ago(n.Taken), "", "read"
			if n.Sessions != nil {
				row.Sessions = fmt.Sprint(*n.Sessions)
			}
			if n.Error != "" {
				row.State = printable.Text(n.Reason + ": " + n.Error)
			}
			for _, w := range n.Warnings {
				row.State += "; warning: " + printable.Text(w)
			}
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}

// ago words how long ago a time is.
func ago(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return since(*at) + " ago"
}
