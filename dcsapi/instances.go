package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// maxInstances bounds what ListInstances reads, whatever the API says.
const maxInstances = 100_000

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

type instanceBody struct {
	ID                  text `json:"instance_id"`
	Name                text `json:"name"`
	Engine              text `json:"engine"`
	EngineVersion       text `json:"engine_version"`
	SpecCode            text `json:"spec_code"`
	Status              text `json:"status"`
	EnterpriseProjectID text `json:"enterprise_project_id"`
	IP                  text `json:"ip"`
	Tags                []struct {
		Key   text `json:"key"`
		Value text `json:"value"`
	} `json:"tags"`
	ErrorCode text `json:"error_code"`
}

func (b instanceBody) instance() Instance {
	i := Instance{
		ID: string(b.ID), Name: string(b.Name), Engine: string(b.Engine), EngineVersion: string(b.EngineVersion),
		SpecCode: string(b.SpecCode), Status: string(b.Status), EnterpriseProjectID: string(b.EnterpriseProjectID),
		IP: string(b.IP), Tags: make(map[string]string, len(b.Tags)),
	}
	for _, t := range b.Tags {
		i.Tags[string(t.Key)] = string(t.Value)
	}
	return i
}

// ListInstances returns all instances of the project, from as many pages as
// there are.
func (c *Client) ListInstances(ctx context.Context) ([]Instance, error) {
	var all []Instance
	seen := make(map[string]bool)
	err := allPages("list instances", MaxLimit, func(offset int) (int, int, int, error) {
		page, total, err := c.listInstances(ctx, offset)
		for _, i := range page {
			if i.ID != "" && !seen[i.ID] {
				seen[i.ID] = true
				all = append(all, i)
			}
		}
		return len(page), len(seen), total, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// allPages reads the pages of a list of instances until one is empty, or short
// with no more promised. page reads the one at an offset, and returns how many
// elements it had, how many distinct ones were read so far, and how many there
// are in all, -1 if the API does not say.
func allPages(op string, limit int, page func(offset int) (had, distinct, total int, err error)) error {
	before := 0
	for offset := 0; ; {
		had, distinct, total, err := page(offset)
		switch {
		case err != nil:
			return err
		case had == 0 && distinct == 0 && total > 0:
			return &Error{Op: op, Reason: ReasonInconsistent, Message: fmt.Sprintf("the API counts %d instances and lists none", total)}
		case had == 0, distinct >= total && (had < limit || distinct == before):
			return nil
		case distinct == before, distinct > maxInstances:
			return &Error{Op: op, Reason: ReasonInconsistent, Message: fmt.Sprintf("the list has no end: %d instances read", distinct)}
		}
		before = distinct
		offset += had
	}
}

// listInstances returns one page and how many instances there are in all, -1
// if the API does not say.
func (c *Client) listInstances(ctx context.Context, offset int) ([]Instance, int, error) {
	query := map[string]string{"limit": strconv.Itoa(MaxLimit)}
	if offset > 0 {
		query["offset"] = strconv.Itoa(offset)
	}
	var list []Instance
	total := -1
	err := c.do(ctx, &call{
		operation: "list_instances", op: "list instances",
		method: http.MethodGet, path: "/instances", query: query,
		decode: func(body []byte, _ http.Header) error {
			var answer struct {
				Total     text            `json:"instance_num"`
				Instances *[]instanceBody `json:"instances"`
				ErrorCode text            `json:"error_code"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			if answer.ErrorCode != "" {
				return errErrorCode
			}
			if n, err := strconv.Atoi(string(answer.Total)); err == nil {
				total = n
			}
			if answer.Instances == nil {
				if total == 0 {
					return nil
				}
				return errors.New(`no list of instances in the answer: "instances" is missing`)
			}
			list = make([]Instance, 0, len(*answer.Instances))
			for _, b := range *answer.Instances {
				list = append(list, b.instance())
			}
			return nil
		},
	})
	return list, total, err
}

// GetInstance returns one instance.
func (c *Client) GetInstance(ctx context.Context, id string) (Instance, error) {
	if err := checkID("instance", id); err != nil {
		return Instance{}, err
	}
	var i Instance
	err := c.do(ctx, &call{
		operation: "show_instance", op: "get instance " + id,
		method: http.MethodGet, path: "/instances/" + id,
		decode: func(body []byte, _ http.Header) error {
			var b instanceBody
			if err := json.Unmarshal(body, &b); err != nil {
				return err
			}
			if b.ErrorCode != "" {
				return errErrorCode
			}
			if b.ID == "" {
				return errors.New(`no instance in the answer: "instance_id" is missing`)
			}
			i = b.instance()
			return nil
		},
	})
	return i, err
}
