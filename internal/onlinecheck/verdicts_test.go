package onlinecheck_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// mute is an error without the text of its cause.
type mute struct{ error }

func (mute) Error() string   { return "words" }
func (m mute) Unwrap() error { return m.error }

// muted removes all texts from an error.
func muted(err error) error {
	e, ok := errors.AsType[*dcsapi.Error](err)
	if !ok {
		return err
	}
	m := *e
	m.Op, m.Message, m.ExtMessage = "words", "words", "words"
	if m.Err != nil {
		m.Err = mute{m.Err}
	}
	return &m
}

// mutedAPI is an API whose errors have no text.
type mutedAPI struct{ onlinecheck.API }

func (a mutedAPI) ProjectID(ctx context.Context) (string, error) {
	v, err := a.API.ProjectID(ctx)
	return v, muted(err)
}

func (a mutedAPI) ListInstances(ctx context.Context) ([]dcsapi.Instance, error) {
	v, err := a.API.ListInstances(ctx)
	return v, muted(err)
}

func (a mutedAPI) GetInstance(ctx context.Context, id string) (dcsapi.Instance, error) {
	v, err := a.API.GetInstance(ctx, id)
	return v, muted(err)
}

func (a mutedAPI) ListNodes(ctx context.Context, instanceID string) ([]dcsapi.Node, error) {
	v, err := a.API.ListNodes(ctx, instanceID)
	return v, muted(err)
}

func (a mutedAPI) ListProjectNodes(ctx context.Context) (map[string][]dcsapi.Node, error) {
	v, err := a.API.ListProjectNodes(ctx)
	return v, muted(err)
}

func (a mutedAPI) ListClients(ctx context.Context, r dcsapi.ListClientsRequest, f func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	v, err := a.API.ListClients(ctx, r, f)
	return v, muted(err)
}

func (a mutedAPI) ListProjects(ctx context.Context) ([]dcsapi.Project, error) {
	v, err := a.API.ListProjects(ctx)
	return v, muted(err)
}

// wantSameWithoutWords runs a check again with errors that have no text, and
// checks that the results are the same apart from the messages.
func (h *harness) wantSameWithoutWords(r *onlinecheck.Report, yaml string, faults ...emulator.Fault) {
	h.t.Helper()
	h.muted = true
	defer func() { h.muted = false }()
	h.api.SetFaults(faults...)
	if got, want := verdicts(h.check(yaml)), verdicts(r); got != want {
		h.t.Errorf("without the errors' words the check comes out as\n%s\nand with them as\n%s", got, want)
	}
}

// verdicts returns a report's results without its messages.
func verdicts(r *onlinecheck.Report) string {
	var lines []string
	for _, f := range findings(r) {
		lines = append(lines, fmt.Sprintln(f.Severity, f.Reason, f.CausedBy, f.Action))
	}
	for _, p := range r.Projects {
		lines = append(lines, fmt.Sprintln(p.Region, p.Result, p.Endpoint, p.Key, permissions(p)))
		for _, i := range p.Instances {
			lines = append(lines, fmt.Sprintln(i.ID, i.Result, i.Skipped))
			for _, n := range i.Nodes {
				lines = append(lines, fmt.Sprintln(n.ID, n.Result, n.NotRead))
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintln(r.Result, r.Failures, r.Consequences, r.Warnings) + strings.Join(lines, "")
}

// permissions says of each permission whether it is granted.
func permissions(p onlinecheck.Project) string {
	var out []string
	for _, p := range p.Permissions {
		word := "-"
		if p.Granted != nil {
			word = map[bool]string{true: "yes", false: "no"}[*p.Granted]
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}
