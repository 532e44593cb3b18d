package onlinecheck

import (
	"fmt"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
)

// consequence is a failure that another failure explains, so that it needs no
// advice.
type consequence struct {
	what   string // what failed
	answer string // the API's answer, "" if there was none
}

// String returns the text of the finding.
func (c consequence) String() string {
	if c.answer == "" {
		return c.what
	}
	return c.what + ": " + c.answer
}

// whereElse adds to findings about unknown instances which other project has
// them.
func whereElse(checks []*projectCheck) {
	for _, c := range checks {
		for k := range c.report.Instances {
			i := &c.report.Instances[k]
			at := slices.IndexFunc(i.Findings, func(f Finding) bool { return f.Reason == dcsapi.ReasonNotFound })
			if at < 0 {
				continue
			}
			for _, other := range checks {
				if other != c && slices.ContainsFunc(other.list, func(d dcsapi.Instance) bool { return d.ID == i.ID }) {
					i.Findings[at].follows = nil
					i.Findings[at].Action = "put it under the project in region " + other.config.Region + " (" + other.api.KnownProjectID() + "), which has it"
				}
			}
		}
	}
}

// mayFollow reports whether an error may be caused by a project that does not
// belong to the configured region. Any answer of the API about the project may
// be.
func mayFollow(err error) bool {
	reason := dcsapi.ReasonOf(err)
	return (reason == dcsapi.ReasonForbidden || reason == dcsapi.ReasonNotFound) && !detailsOf(err).Foreign
}

// fold makes root the first finding of the project, and turns the failures that
// it explains into consequences. If the project has instances, it exists after
// all, and its failures have other causes.
func (c *projectCheck) fold(root Finding) {
	if c.refusal != nil || len(c.list) == 0 {
		follow(c.report.Findings, &root)
		for k := range c.report.Instances {
			i := &c.report.Instances[k]
			follow(i.Findings, &root)
			for k := range i.Nodes {
				follow(i.Nodes[k].Findings, &root)
			}
		}
		for action, granted := range c.granted {
			if !granted {
				delete(c.granted, action) // it may be granted in another project
			}
		}
	}
	c.report.Findings = slices.Insert(c.report.Findings, 0, root)
}

// follow turns those findings that root may explain into its consequences.
func follow(findings []Finding, root *Finding) {
	for k := range findings {
		if f := &findings[k]; f.follows != nil && f.Severity == SeverityFailure {
			f.Severity, f.CausedBy, f.cause = SeverityConsequence, root.Reason, root
			f.Message, f.Action = f.follows.String(), "nothing: fixing the project's first failure resolves it too"
		}
	}
}

// consequencesWords describes the consequences of a failure, grouped by the
// API's answer.
func consequencesWords(all []Finding) string {
	count := plural(len(all), "further failure") + " follow"
	if len(all) == 1 {
		count += "s"
	}
	var distinct []consequence
	times := make(map[consequence]int)
	for _, f := range all {
		if times[*f.follows]++; times[*f.follows] == 1 {
			distinct = append(distinct, *f.follows)
		}
	}
	var answers []string
	whats := make(map[string][]string)
	for _, c := range distinct {
		if whats[c.answer] == nil {
			answers = append(answers, c.answer)
		}
		what := c.what
		if n := times[c]; n > 1 {
			what += fmt.Sprintf(" (%d times)", n)
		}
		whats[c.answer] = append(whats[c.answer], what)
	}
	for k, a := range answers {
		answers[k] = consequence{strings.Join(whats[a], ", "), strings.TrimSuffix(a, ".")}.String()
	}
	return count + " from this: " + strings.Join(answers, "; ")
}
