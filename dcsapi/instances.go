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

// Node is a logical node of an instance. Any of its fields but the id may be
// empty.
type Node struct {
	ID        string // the id that ListClients wants
	Name      string
	Status    string
	Role      string // redis-server or redis-proxy
	Type      string // master, slave or proxy
	IP        string
	Port      string
	GroupName string
	AZCode    string
}

// IsProxy tells whether clients connect to the node on behalf of others.
func (n Node) IsProxy() bool { return n.Role == "redis-proxy" || n.Type == "proxy" }

// IsReplica tells whether the node follows a master.
func (n Node) IsReplica() bool { return n.Type == "slave" || n.Type == "replica" }

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
	for offset := 0; ; offset += MaxLimit {
		page, total, err := c.listInstances(ctx, offset)
		if err != nil {
			return nil, err
		}
		fresh := 0
		for _, i := range page {
			if i.ID != "" && !seen[i.ID] {
				seen[i.ID] = true
				fresh++
				all = append(all, i)
			}
		}
		if len(page) < MaxLimit || len(all) == total {
			return all, nil
		}
		if fresh == 0 || len(all) > maxInstances {
			return nil, &Error{Op: "list instances", Reason: ReasonInconsistent, Message: fmt.Sprintf("the list has no end: %d instances read", len(all))}
		}
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

// ListNodes returns the logical nodes of an instance.
func (c *Client) ListNodes(ctx context.Context, instanceID string) ([]Node, error) {
	if err := checkID("instance", instanceID); err != nil {
		return nil, err
	}
	var nodes []Node
	err := c.do(ctx, &call{
		operation: "list_nodes", op: "list nodes of instance " + instanceID,
		method: http.MethodGet, path: "/instances/" + instanceID + "/logical-nodes",
		decode: func(body []byte, _ http.Header) (err error) {
			nodes, err = decodeNodes(body)
			return err
		},
	})
	return nodes, err
}

// decodeNodes reads a node list. Nodes without an id are left out, as are
// repetitions: nothing can be asked about them.
func decodeNodes(body []byte) ([]Node, error) {
	var answer struct {
		Nodes *[]struct {
			ID        text `json:"node_id"`
			Name      text `json:"name"`
			Status    text `json:"status"`
			Role      text `json:"node_role"`
			Type      text `json:"node_type"`
			IP        text `json:"node_ip"`
			Port      text `json:"node_port"`
			GroupName text `json:"group_name"`
			AZCode    text `json:"az_code"`
		} `json:"nodes"`
		ErrorCode text `json:"error_code"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.ErrorCode != "":
		return nil, errErrorCode
	case answer.Nodes == nil:
		return nil, errors.New(`no list of nodes in the answer: "nodes" is missing`)
	}
	seen := make(map[text]bool)
	nodes := make([]Node, 0, len(*answer.Nodes))
	for _, n := range *answer.Nodes {
		if n.ID == "" || seen[n.ID] {
			continue
		}
		seen[n.ID] = true
		nodes = append(nodes, Node{
			ID: string(n.ID), Name: string(n.Name), Status: string(n.Status), Role: string(n.Role), Type: string(n.Type),
			IP: string(n.IP), Port: string(n.Port), GroupName: string(n.GroupName), AZCode: string(n.AZCode),
		})
	}
	return nodes, nil
}
