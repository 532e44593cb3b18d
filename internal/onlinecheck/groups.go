package onlinecheck

import (
	"slices"
	"strings"
)

// group is a finding with everything that it applies to.
type group struct {
	Finding
	number   int // from 1, failures first
	subjects []string

	consequences []Finding
}

// grouped returns the findings in report order, failures first. Equal findings
// form one group.
func grouped(r *Report) []*group {
	var all []*group
	add := func(subject string, findings []Finding) {
		for _, f := range findings {
			g := groupOf(all, f)
			if g != nil && f.cause != nil {
				g.consequences = append(g.consequences, f)
				continue
			}
			if g == nil {
				g = &group{Finding: f}
				all = append(all, g)
			}
			g.subjects = append(g.subjects, subject)
		}
	}
	for _, p := range r.Projects {
		add(p.label(), p.Findings)
		for _, i := range p.Instances {
			add("instance "+i.label(), i.Findings)
			for _, n := range i.Nodes {
				add("node "+n.ID+" of "+i.label(), n.Findings)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		return strings.Compare(string(a.Severity), string(b.Severity)) // failure, warning
	})
	for k, g := range all {
		g.number = k + 1
	}
	return all
}

// groupOf returns the group of a finding, or of the cause of a consequence. It
// returns nil if there is none.
func groupOf(all []*group, f Finding) *group {
	if f.cause != nil {
		f = *f.cause
	}
	k := slices.IndexFunc(all, func(g *group) bool {
		return g.Severity == f.Severity && g.Message == f.Message && g.Action == f.Action
	})
	if k < 0 {
		return nil
	}
	return all[k]
}

// place names what a finding applies to. If that is too much for a line, it
// refers to the table.
func (g *group) place() string {
	const most = 2
	if len(g.subjects) <= most {
		return strings.Join(g.subjects, " and ")
	}
	kind, _, _ := strings.Cut(g.subjects[0], " ")
	for _, s := range g.subjects {
		if !strings.HasPrefix(s, kind+" ") {
			kind = "place"
		}
	}
	return plural(len(g.subjects), kind) + " (see the numbers above)"
}
