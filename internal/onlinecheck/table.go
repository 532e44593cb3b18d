package onlinecheck

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dcs_session_exporter/internal/config"
	"dcs_session_exporter/internal/printable"
)

// lineWidth is the width at which texts are wrapped.
const lineWidth = 100

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := table{report: r, findings: grouped(r)}
	for k := range r.Projects {
		t.project(&r.Projects[k])
	}
	t.list(SeverityFailure, "FAILURES")
	t.list(SeverityWarning, "WARNINGS")
	t.verdict()
	_, err := io.WriteString(w, printable.Lines(t.String()))
	return err
}

// table renders a report.
type table struct {
	strings.Builder
	report   *Report
	findings []*group
}

// label returns a readable name of a project.
func (p Project) label() string {
	if p.ProjectID == "" {
		return "project in " + p.Region
	}
	return "project " + p.ProjectID + " in " + p.Region
}

// label returns a readable name of an instance.
func (i Instance) label() string {
	return printable.Name(cmp.Or(i.Name, i.ID))
}

// project renders the report on a project.
func (t *table) project(p *Project) {
	fmt.Fprintf(t, "%s\n", t.result("Project in region "+p.Region, p.Findings))
	t.field("id", cmp.Or(p.ProjectID, "unknown"))
	t.field("endpoint", p.Endpoint.String())
	t.field("key", p.Key.String())
	t.field("key goes to", keyHostWords(p.KeyHosts))
	t.field("permissions", permissionWords(p.Permissions))
	t.field("IAM", p.IAM.Detail)
	t.field("clock", clockWords(p.ClockSkewSeconds))
	listed := ""
	if p.InstancesListed != nil {
		listed = fmt.Sprintf("; the project has %d", *p.InstancesListed)
	}
	t.field("instances", fmt.Sprintf("%d to read%s", len(p.Instances), listed))
	if len(p.Instances) > 0 {
		t.instances(p.Instances)
	}
	t.WriteByte('\n')
}

// field writes one field of a project, on several lines if it is long.
func (t *table) field(name, value string) {
	t.wrap(fmt.Sprintf("  %-13s", name), value)
}

// instances renders instances and their nodes, in columns.
func (t *table) instances(instances []Instance) {
	const format = "    %-*s  %-8s %8s  %9s  %s\n"
	width := len("NODE")
	for _, i := range instances {
		for _, n := range i.Nodes {
			width = max(width, utf8.RuneCountInString(printable.Name(n.ID)))
		}
	}
	fmt.Fprintf(t, "\n"+format, width, "NODE", "TYPE", "SESSIONS", "LIST AGE", "RESULT")
	for _, i := range instances {
		fmt.Fprintf(t, "  %s\n", i.line(t.result(i.words(), i.Findings)))
		for _, n := range i.Nodes {
			sessions, age := "-", "-"
			if n.Sessions != nil {
				sessions = strconv.FormatInt(*n.Sessions, 10)
			}
			if n.ListAgeSeconds != nil {
				age = humanDuration(time.Duration(*n.ListAgeSeconds * float64(time.Second)))
			}
			if slices.ContainsFunc(n.Findings, func(f Finding) bool { return f.Reason == reasonNoList }) {
				age = "no list"
			}
			fmt.Fprintf(t, format, width, printable.Name(n.ID), printable.Name(cmp.Or(n.Type, "-")), sessions, age, t.result(n.words(), n.Findings))
		}
	}
}

// line is the line above an instance's nodes.
func (i Instance) line(result string) string {
	parts := []string{i.ID}
	if i.Name != "" {
		parts = []string{i.Name, i.ID}
	}
	if engine := strings.TrimSpace(i.Engine + " " + i.EngineVersion); engine != "" {
		parts = append(parts, engine)
	}
	if i.Status != "" && i.Status != "RUNNING" {
		parts = append(parts, i.Status)
	}
	for k := range parts {
		parts[k] = printable.Name(parts[k])
	}
	return strings.TrimRight(strings.Join(append(parts, strings.TrimLeft(result, " ")), "  "), " ")
}

// words describes the result of an instance, "" if its nodes show it.
func (i Instance) words() string {
	switch {
	case i.Skipped != "":
		return "not read: " + strings.ReplaceAll(i.Skipped, "_", " ")
	case i.Result == NotChecked:
		return "not checked"
	case resultOf(i.Findings) != OK:
		return string(resultOf(i.Findings))
	default:
		return ""
	}
}

// words describes the result of a node.
func (n Node) words() string {
	switch {
	case !n.Read:
		return "not read: " + map[string]string{
			"behind_proxy": "behind a proxy", "replica": "a replica", "not_listed": "not in nodes", "unsupported": "unsupported",
		}[n.NotRead]
	case n.Result == NotChecked:
		return "not checked"
	default:
		return string(n.Result)
	}
}

// result appends the numbers of the findings to a result.
func (t *table) result(words string, findings []Finding) string {
	var numbers []int
	for _, f := range findings {
		numbers = append(numbers, groupOf(t.findings, f).number)
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		words += " [" + strconv.Itoa(n) + "]"
	}
	return words
}

// list writes the findings of a severity.
func (t *table) list(s Severity, title string) {
	any := false
	for _, g := range t.findings {
		if g.Severity != s {
			continue
		}
		if !any {
			fmt.Fprintf(t, "%s\n", title)
			any = true
		}
		prefix := fmt.Sprintf("  [%d] ", g.number)
		t.wrap(prefix, g.place()+": "+g.Message)
		indent := strings.Repeat(" ", len(prefix))
		t.wrap(indent+"What to do: ", g.Action)
		if g.RequestID != "" && s == SeverityFailure {
			t.wrap(indent+"Request id: ", g.RequestID)
		}
		if len(g.consequences) > 0 {
			t.wrap(indent, consequencesWords(g.consequences))
		}
	}
	if any {
		t.WriteByte('\n')
	}
}

// verdict writes the final lines.
func (t *table) verdict() {
	read, ok := 0, 0
	instances := 0
	for _, p := range t.report.Projects {
		instances += len(p.Instances)
		for _, i := range p.Instances {
			for _, n := range i.Nodes {
				if n.Read {
					read++
				}
				if n.Read && (n.Result == OK || n.Result == Warning) {
					ok++
				}
			}
		}
	}
	scope := plural(len(t.report.Projects), "project") + ", " + plural(instances, "instance")
	if read > 0 {
		scope += fmt.Sprintf(", %s to read, %d without a failure", plural(read, "node"), ok)
	}
	text := "OK"
	switch t.report.Result {
	case Failed:
		text = "FAILED: " + plural(t.report.Failures, "failure")
		if n := t.report.Consequences; n > 0 {
			text += " with " + plural(n, "consequence")
		}
		text += ", " + plural(t.report.Warnings, "warning")
	case Warning:
		text = "OK, with " + plural(t.report.Warnings, "warning")
	}
	t.wrap("", text+". "+scope+".")
	sent := plural(t.report.Requests, "request") + " sent, none of them a scan"
	switch t.report.Requests {
	case 0:
		sent = "No request was sent"
	case 1:
		sent = "1 request sent, not a scan"
	}
	if t.report.ScanMode == string(config.ScanOnScrape) && ok > 0 {
		sent += ": run the exporter to see whether scans work"
	}
	t.wrap("", sent+".")
}

// wrap writes a text after a prefix, wrapped at lineWidth. Further lines are
// indented by the width of the prefix.
func (t *table) wrap(prefix, text string) {
	indent := utf8.RuneCountInString(prefix)
	t.WriteString(prefix)
	at := indent
	for k, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case k == 0:
		case at+1+n > lineWidth:
			t.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			t.WriteByte(' ')
			at++
		}
		t.WriteString(word)
		at += n
	}
	t.WriteByte('\n')
}
