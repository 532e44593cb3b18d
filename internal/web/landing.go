package web

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/internal/printable"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/go-kit/log/level"
)

var (
	//go:embed landing.html
	landingHTML string

	landingTemplate = template.Must(template.New("landing").Parse(landingHTML))
)

// landingPage is the data of the landing page's template. Its links are relative,
// because a reverse proxy may add a path prefix.
type landingPage struct {
	Style     template.CSS
	Demo      bool
	Verdict   string
	Class     string
	Facts     []fact
	Sessions  bool // the live table is enabled
	Instances []choice
	Metrics   string // link to them
}

// fact is a line of what the exporter knows about itself.
type fact struct{ Name, Value string }

// landing serves the page at /: whether the exporter works, and links. It asks
// the API nothing.
func landing(o Options) http.Handler {
	started := time.Now()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s, done := o.Settings()
		defer done()
		projects := s.Collector.Status()
		health := collector.Sum(projects)
		p := landingPage{Style: template.CSS(sessionsCSS), Demo: o.Demo, Sessions: o.Sessions != nil, Metrics: strings.TrimPrefix(o.TelemetryPath, "/")}
		p.Verdict, p.Class = verdict(health, projects)
		p.Facts = append(healthFacts(health), fact{"Running since", moment(started)}, fact{"Version", o.Version})
		var targets []*fleet.Target
		for _, project := range projects {
			for _, i := range project.Instances {
				targets = append(targets, i.Target)
			}
		}
		p.Instances = byName(targets)
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		o.page(w, http.StatusOK, landingTemplate, &p)
	})
}

// page serves a page by its template.
func (o Options) page(w http.ResponseWriter, status int, t *template.Template, data any) {
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		level.Error(o.Logger).Log("msg", "cannot show a page", "page", t.Name(), "err", err)
		say(w, http.StatusInternalServerError, "Cannot show the page; the exporter's log says why. If it has other formats, such as format=json, they may work.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // an error means that the client is gone
}

// verdict says in a sentence whether the exporter works.
func verdict(h collector.Health, projects []collector.ProjectStatus) (text, class string) {
	unlisted := slices.ContainsFunc(projects, func(p collector.ProjectStatus) bool { return p.ListedAt.IsZero() })
	switch {
	case h.Scraped.IsZero() && unlisted:
		return "Not known yet: nobody has scraped it, and the instances have not been listed.", "old"
	case h.Scraped.IsZero():
		return "Not known yet: nobody has scraped it.", "old"
	case h.Failed > 0:
		return fmt.Sprintf("Not everything: %s could not be read in the last scrape. The log and the metric dcs_node_error say why.", count(h.Failed, "node or instance", "nodes or instances")), "problem"
	case unlisted:
		return "In part: the instances of a project cannot be listed. The log and the metric dcs_project_up say why.", "problem"
	case h.Nodes == 0:
		return "It does, but there is no node to read.", "old"
	default:
		return "All is well: every node was read in the last scrape.", "good"
	}
}

// healthFacts returns what there is and what was read.
func healthFacts(h collector.Health) []fact {
	facts := []fact{{"Projects", fmt.Sprint(h.Projects)}, {"Instances", fmt.Sprint(h.Instances)}}
	if h.Skipped > 0 {
		facts[1].Value += fmt.Sprintf(", %d of them not read on purpose (not running, or without session management)", h.Skipped)
	}
	if h.Scraped.IsZero() {
		return facts
	}
	facts = append(facts, fact{"Nodes read", fmt.Sprintf("%d of %d", h.Read, h.Nodes)})
	if !h.Oldest.IsZero() {
		facts = append(facts, fact{"Oldest list", "taken " + sessiontable.Duration(max(0, time.Since(h.Oldest))) + " ago"})
	}
	return append(facts, fact{"Last scrape", moment(h.Scraped)})
}

// moment words a time and how long ago it was.
func moment(at time.Time) string {
	return at.UTC().Format(time.RFC3339) + ", " + since(at) + " ago"
}

// count words a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// byName returns instances to choose from, by name; those without a name, or
// with one that others have too, with their id.
func byName(targets []*fleet.Target) []choice {
	names := make(map[string]int)
	for _, t := range targets {
		names[t.Details.Name]++
	}
	choices := make([]choice, len(targets))
	for i, t := range targets {
		text := printable.Name(t.Details.Name)
		if t.Details.Name == "" || names[t.Details.Name] > 1 {
			text = sessiontable.Named(t.Details.Name, t.ID)
		}
		choices[i] = choice{Value: t.ID, Text: text}
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return strings.Compare(a.Text, b.Text) })
	return choices
}
