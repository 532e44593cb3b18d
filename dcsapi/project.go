package dcsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// projectIDCache holds the id of the client's project once it is known.
type projectIDCache struct {
	turn chan struct{} // holds an element while a caller looks for the id

	mu sync.Mutex
	id string
}

func (p *projectIDCache) get() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

func (p *projectIDCache) set(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id = id
}

// withProject puts a request's path below the project's id.
func (c *Client) withProject(next handler) handler {
	return func(ctx context.Context, r *request) *Error {
		if !r.iam {
			id, err := c.ProjectID(ctx)
			if err != nil {
				return asError(err)
			}
			r.projectID, r.path = id, "/v2/"+id+c.spellings.inPath(r.path)
		}
		return next(ctx, r)
	}
}

// KnownProjectID returns the project's id, or "" while it is not known.
func (c *Client) KnownProjectID() string { return c.project.get() }

// ProjectID returns the project's id: the configured one, else the one that
// the key's source names, else the one that IAM has for the region's name. IAM
// is asked until it has named the id once; concurrent callers wait for its response.
// It is an error with ReasonNotFound if IAM has no project of that name, or several.
func (c *Client) ProjectID(ctx context.Context) (string, error) {
	id, err := c.findProjectID(ctx)
	if err != nil {
		return "", c.secrets.redactor().redactError(asError(err))
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

// askProjectID asks IAM for the id of the project of the client's region.
func (c *Client) askProjectID(ctx context.Context) (string, error) {
	op := "ask IAM for the project id of region " + c.options.Region
	projects, err := c.queryProjects(ctx, op, map[string]string{"name": c.options.Region})
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
		return "", &Error{Op: op, Reason: ReasonNotFound, Message: fmt.Sprintf("there are %d (%s): set project_id in the configuration", len(ids), c.secrets.redactor().quote(strings.Join(ids, ", "), maxErrorText))}
	}
	return ids[0], nil
}

// Project is a project as IAM knows it.
type Project struct {
	ID   string
	Name string // the region's name; for a subproject followed by _ and its own name
}

// ListProjects returns the projects that the key can access, in all regions. It
// needs a permission at IAM that of the other methods only ProjectID needs, where it
// asks IAM.
func (c *Client) ListProjects(ctx context.Context) ([]Project, error) {
	return c.queryProjects(ctx, "ask IAM for the key's projects", nil)
}

func (c *Client) queryProjects(ctx context.Context, op string, query map[string]string) ([]Project, error) {
	if c.options.IAMEndpoint == "" {
		return nil, &Error{Op: op, Reason: ReasonOther, Message: "IAM's host is not known: set iam_endpoint, or cloud", unsent: true}
	}
	var projects []Project
	request := &call{operation: "list_projects", action: op, iam: true, path: "/v3/projects", query: query}
	err := c.getList(ctx, request, "projects", func(list []json.RawMessage, found *warnings) error {
		projects = nil
		elements := c.newElements("id", "project", found)
		for k, raw := range list {
			if e, id, ok := elements.next(raw, k+1); ok {
				e.subject = "project " + id
				projects = append(projects, Project{id, e.text("name")})
			}
		}
		return elements.check()
	})
	return projects, err
}

// KeyAccepted reports whether the key to use now is known to work: the service has
// accepted a request with it, even if it answered with an error about something
// else, and none has been refused since. Requests of all clients with the same
// Keyring count. It sends no request to DCS, but waits for the source of the key,
// which may ask another service for it; it returns false if that has no key by the
// end of ctx.
func (c *Client) KeyAccepted(ctx context.Context) bool {
	key, err := c.options.Keys.Key(ctx)
	return err == nil && c.options.Keyring.breaker(key).isClosed()
}
