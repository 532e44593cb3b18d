package dcsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// projectID remembers the id of the client's project.
type projectID struct {
	turn chan struct{} // holds an element while somebody asks for the id

	mu    sync.Mutex
	known string
}

func (p *projectID) get() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

func (p *projectID) set(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = id
}

// KnownProjectID returns the project's id, or "" while it is not known.
func (c *Client) KnownProjectID() string { return c.project.get() }

// ProjectID returns the project's id: the configured one, else the one that
// the key's source names, else the one that IAM gives for the region's name.
// It asks once; those who come meanwhile wait for the answer.
func (c *Client) ProjectID(ctx context.Context) (string, error) {
	id, err := c.findProjectID(ctx)
	if err != nil {
		return "", c.secrets.seal(err)
	}
	return id, nil
}

func (c *Client) findProjectID(ctx context.Context) (string, error) {
	if id := c.project.get(); id != "" {
		return id, nil
	}
	select {
	case c.project.turn <- struct{}{}:
		defer func() { <-c.project.turn }()
	case <-ctx.Done():
		return "", &Error{Op: "find project id", Reason: ReasonTimeout, Message: "IAM has not answered in time"}
	}
	if id := c.project.get(); id != "" {
		return id, nil
	}
	key, err := c.options.Keys.Key(ctx)
	if err != nil {
		return "", err
	}
	id := key.ProjectID
	if id == "" {
		if id, err = c.askProjectID(ctx); err != nil {
			return "", err
		}
	}
	if err := checkID("project", id); err != nil {
		return "", err
	}
	c.project.set(id)
	return id, nil
}

// askProjectID asks IAM for the project of the client's region.
func (c *Client) askProjectID(ctx context.Context) (string, error) {
	op := "ask IAM for the project id of region " + c.options.Region
	projects, err := c.listProjects(ctx, op, map[string]string{"name": c.options.Region})
	var ids []string
	for _, p := range projects {
		ids = append(ids, p.ID)
	}
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", &Error{Op: op, Reason: ReasonNotFound, Message: "the account has no project of that name: set project_id in the configuration"}
	case len(ids) > 1:
		return "", &Error{Op: op, Reason: ReasonNotFound, Message: fmt.Sprintf("there are %d (%s): set project_id in the configuration", len(ids), c.secrets.hide().quote(strings.Join(ids, ", "), maxErrorText))}
	}
	return ids[0], nil
}

// Project is a project as IAM knows it.
type Project struct {
	ID   string
	Name string // its region's name, for a subproject followed by _ and its own
}

// ListProjects returns the projects that IAM names for the key, of all regions.
// It needs permissions at IAM that nothing else here needs.
func (c *Client) ListProjects(ctx context.Context) ([]Project, error) {
	return c.listProjects(ctx, "ask IAM for the key's projects", nil)
}

func (c *Client) listProjects(ctx context.Context, op string, query map[string]string) ([]Project, error) {
	if c.options.IAMEndpoint == "" {
		return nil, &Error{Op: op, Reason: ReasonOther, Message: "IAM's host is not known: set iam_endpoint, or cloud", unsent: true}
	}
	var projects []Project
	elements := c.newElements("id", "the project is left out")
	defer func() { c.reportOddities("list_projects", &elements.odd) }()
	err := c.do(ctx, &call{
		operation: "list_projects", op: op, iam: true,
		method: http.MethodGet, path: "/v3/projects", query: query,
		decode: func(body []byte, _ http.Header) error {
			var answer members
			if err := decodeAnswer(body, &answer); err != nil {
				return err
			}
			if code, ok := textOf(answer["error_code"]); ok && code != "" {
				return errErrorCode
			}
			list, there, err := decodeList("projects", answer["projects"])
			switch {
			case err != nil:
				return err
			case !there:
				return errors.New(`no list of projects in the answer: "projects" is missing`)
			}
			for k, raw := range list {
				if e, id, ok := elements.next(raw, k+1, func(id string) string { return id }); ok {
					e.odd = func(text string) { elements.odd.add("project "+id, text) }
					projects = append(projects, Project{id, e.text("name")})
				}
			}
			return elements.unreadable()
		},
	})
	return projects, err
}

// KeyAccepted tells whether, as far as is known now, the project's key works:
// a request with it has succeeded and none was refused since.
func (c *Client) KeyAccepted(ctx context.Context) bool {
	key, err := c.options.Keys.Key(ctx)
	return err == nil && c.options.Keyring.gate(key).isAccepted()
}
