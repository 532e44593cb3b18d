package onlinecheck

import (
	"fmt"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
)

// consequence is a failure without advice of its own.
type consequence struct {
	what   string // has failed
	answer string // the API's, "" without one
}

// String returns the text of the finding.
func (c consequence) String() string {
	if c.answer == "" {
		return c.what
	}
	return c.what + ": " + c.answer
}

// whereElse adds to what is said of unknown instances the project that does
// have them.
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

// mayFollow reports whether an error may be due to a project that is not the
// configured region's: what the API has answered, about all that it was asked
// in the project's name.
func mayFollow(err error) bool {
	reason := dcsapi.ReasonOf(err)
	return (reason == dcsapi.ReasonForbidden || reason == dcsapi.ReasonNotFound) && !isForeign(err)
}

// fold makes root the first finding of the project, and consequences of the
// failures that it explains. Where the project has instances, it is there after
// all, and its failures have causes of their own.
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
				delete(c.granted, action) // in another project it may be
			}
		}
	}
	c.report.Findings = slices.Insert(c.report.Findings, 0, root)
}

// follow makes consequences of root of those findings that may be.
func follow(findings []Finding, root *Finding) {
	for k := range findings {
		if f := &findings[k]; f.follows != nil && f.Severity == SeverityFailure {
			f.Severity, f.CausedBy, f.cause = SeverityConsequence, root.Reason, root
			f.Message, f.Action = f.follows.String(), "nothing by itself: it follows from the project's first failure"
		}
	}
}

// consequencesWords says in words what follows from a failure, together what
// the API has answered the same to.
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
