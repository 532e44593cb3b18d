package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// maxInstances bounds what ListInstances reads, whatever the API says. Each of
// them takes some 5 KiB while metrics are made.
const maxInstances = 20_000

// Instance is a DCS instance. Any of its fields but the id may be empty.
type Instance struct {
	ID                  string
	Name                string
	Engine              string // such as "Redis"
	EngineVersion       string // such as "6.0"
	SpecCode            string
	Status              string // RUNNING, RESTARTING, …
	EnterpriseProjectID string
	IP                  string
	Tags                map[string]string
}

// Running tells whether the instance has the one status in which it can be
// read.
func (i Instance) Running() bool { return i.Status == "RUNNING" }

// instanceOf reads an instance.
func instanceOf(e *element, id string, odd *oddities) Instance {
	id = CanonicalInstanceID(id)
	e.odd = func(text string) { odd.add("instance "+id, text) }
	return Instance{
		ID: id, Name: e.text("name"), Engine: e.text("engine"), EngineVersion: e.text("engine_version"),
		SpecCode: e.text("spec_code"), Status: e.text("status"), EnterpriseProjectID: e.text("enterprise_project_id"),
		IP: e.text("ip"), Tags: e.tags(),
	}
}

// ListInstances returns all instances of the project, from as many pages as
// there are. Their ids are in the canonical form; an instance whose id cannot be
// read is left out, and named to Options.ObserveOddity.
func (c *Client) ListInstances(ctx context.Context) ([]Instance, error) {
	const op = "list instances"
	var all []Instance
	written := make(map[string]string)
	list := c.newElements("instance_id", "the instance is left out")
	defer func() { c.reportOddities("list_instances", &list.odd) }()
	err := allPages(op, MaxLimit, func(offset int) (int, int, int, error) {
		page, total, err := c.listPage(ctx, &call{operation: "list_instances", op: op, path: "/instances"}, "instance_num", MaxLimit, offset)
		for k, raw := range page {
			e, id, ok := list.next(raw, offset+k+1, CanonicalInstanceID)
			if !ok {
				continue
			}
			all = append(all, instanceOf(e, id, &list.odd))
			if checkID("instance", id) == nil {
				noteSpelling(written, id)
			}
		}
		if large := list.tooLarge(maxInstances); err == nil && large != nil {
			err = &Error{Op: op, Reason: ReasonInconsistent, Message: large.Error()}
		}
		return len(page), list.distinct(), total, err
	})
	if err != nil {
		return nil, err
	}
	if err := list.unreadable(); err != nil {
		return nil, &Error{Op: op, Reason: ReasonDecode, Message: cut(err.Error(), maxErrorText)}
	}
	c.spellings.list(written)
	return all, nil
}

// allPages reads the pages of a list of instances until one is empty, or the
// count is met, as for sessions: a short page is not the end. page reads the one
// at an offset, and returns how many elements it had, how many distinct ones
// were read so far, and how many there are in all, -1 if the API does not say.
func allPages(op string, limit int, page func(offset int) (had, distinct, total int, err error)) error {
	inconsistent := func(format string, n int) error {
		return &Error{Op: op, Reason: ReasonInconsistent, Message: fmt.Sprintf(format, n)}
	}
	before, largest := 0, 0
	for offset := 0; ; {
		had, distinct, total, err := page(offset)
		switch {
		case err != nil:
			return err
		case had == 0 && distinct == 0 && total > 0:
			return inconsistent("the API counts %d instances and lists none", total)
		case had == 0, total >= 0 && distinct >= total && had < limit:
			return nil
		case distinct == before && (distinct >= total || had < largest):
			return nil // nothing new; what the count says besides is hidden
		case distinct == before:
			return inconsistent("the list has no end: %d instances read", distinct)
		}
		before, largest = distinct, max(largest, had)
		offset += had
	}
}

// listPage returns the elements of one page of a list of instances, and how
// many there are in all by the answer's field that says so, -1 if it does not.
func (c *Client) listPage(ctx context.Context, call *call, totalField string, limit, offset int) ([]json.RawMessage, int, error) {
	call.method = http.MethodGet
	call.query = map[string]string{"limit": strconv.Itoa(limit)}
	if offset > 0 {
		call.query["offset"] = strconv.Itoa(offset)
	}
	var list []json.RawMessage
	total := -1
	call.decode = func(body []byte, _ http.Header) error {
		var answer members
		if err := decodeAnswer(body, &answer); err != nil {
			return err
		}
		if code, ok := textOf(answer["error_code"]); ok && code != "" {
			return errErrorCode
		}
		text, _ := textOf(answer[totalField])
		if n, err := strconv.Atoi(text); err == nil {
			total = n
		}
		var there bool
		var err error
		if list, there, err = decodeList("instances", answer["instances"]); err == nil && !there && total != 0 {
			err = errors.New(`no list of instances in the answer: "instances" is missing`)
		}
		return err
	}
	err := c.do(ctx, call)
	return list, total, err
}

// GetInstance returns one instance.
func (c *Client) GetInstance(ctx context.Context, id string) (Instance, error) {
	if err := checkID("instance", id); err != nil {
		return Instance{}, err
	}
	var i Instance
	var odd oddities
	defer func() { c.reportOddities("show_instance", &odd) }()
	err := c.do(ctx, &call{
		operation: "show_instance", op: "get instance " + id,
		method: http.MethodGet, path: "/instances/" + id,
		decode: func(body []byte, _ http.Header) error {
			var answer json.RawMessage
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			e := newElement(answer, c.secrets.hideKeys())
			if code, ok := textOf(e.fields["error_code"]); ok && code != "" {
				return errErrorCode
			}
			answered, why := e.id("instance_id")
			if why != "" {
				return errors.New("no instance in the answer: " + why)
			}
			i = instanceOf(e, answered, &odd)
			return nil
		},
	})
	return i, err
}
