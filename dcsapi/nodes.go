package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// maxNodesLimit is the most instances that the API takes as limit when it
// lists the nodes of a project.
const maxNodesLimit = 100

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

// ListNodes returns the logical nodes of an instance.
func (c *Client) ListNodes(ctx context.Context, instanceID string) ([]Node, error) {
	if err := checkID("instance", instanceID); err != nil {
		return nil, err
	}
	var nodes []Node
	err := c.do(ctx, &call{
		operation: "list_nodes", op: "list nodes of instance " + instanceID,
		method: http.MethodGet, path: "/instances/" + instanceID + "/logical-nodes",
		decode: func(body []byte, _ http.Header) error {
			var answer struct {
				Nodes     *[]nodeBody `json:"nodes"`
				ErrorCode text        `json:"error_code"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			switch {
			case answer.ErrorCode != "":
				return errErrorCode
			case answer.Nodes == nil:
				return errors.New(`no list of nodes in the answer: "nodes" is missing`)
			}
			nodes = nodesOf(*answer.Nodes)
			return nil
		},
	})
	return nodes, err
}

// ListProjectNodes returns the logical nodes of the project's instances, by
// instance id, from as many pages as there are. Instances of which the API
// tells no nodes are left out.
func (c *Client) ListProjectNodes(ctx context.Context) (map[string][]Node, error) {
	all := make(map[string][]Node)
	seen := make(map[string]bool)
	err := allPages(opListProjectNodes, maxNodesLimit, func(offset int) (int, int, int, error) {
		page, total, err := c.listProjectNodes(ctx, offset)
		for _, i := range page {
			id := string(i.ID)
			seen[id] = true
			if nodes := nodesOf(i.Nodes); id != "" && len(nodes) > 0 {
				all[id] = nodes
			}
		}
		return len(page), len(seen), total, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// opListProjectNodes names the operation in errors.
const opListProjectNodes = "list nodes of all instances"

// instanceNodes are the nodes of an instance in the list of a project's nodes.
type instanceNodes struct {
	ID    text       `json:"instance_id"`
	Nodes []nodeBody `json:"nodes"`
}

// listProjectNodes returns one page and how many instances there are in all,
// -1 if the API does not say.
func (c *Client) listProjectNodes(ctx context.Context, offset int) ([]instanceNodes, int, error) {
	query := map[string]string{"limit": strconv.Itoa(maxNodesLimit)}
	if offset > 0 {
		query["offset"] = strconv.Itoa(offset)
	}
	var page []instanceNodes
	total := -1
	err := c.do(ctx, &call{
		operation: "list_project_nodes", op: opListProjectNodes,
		method: http.MethodGet, path: "/instances-logical-nodes", query: query,
		decode: func(body []byte, _ http.Header) error {
			var answer struct {
				Count     text             `json:"count"`
				Instances *[]instanceNodes `json:"instances"`
				ErrorCode text             `json:"error_code"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return err
			}
			if answer.ErrorCode != "" {
				return errErrorCode
			}
			if n, err := strconv.Atoi(string(answer.Count)); err == nil {
				total = n
			}
			if answer.Instances == nil {
				if total == 0 {
					return nil
				}
				return errors.New(`no list of instances in the answer: "instances" is missing`)
			}
			page = *answer.Instances
			return nil
		},
	})
	return page, total, err
}

// nodeBody is a node as the API gives it.
type nodeBody struct {
	ID        text `json:"node_id"`
	Name      text `json:"name"`
	Status    text `json:"status"`
	Role      text `json:"node_role"`
	Type      text `json:"node_type"`
	IP        text `json:"node_ip"`
	Port      text `json:"node_port"`
	GroupName text `json:"group_name"`
	AZCode    text `json:"az_code"`
}

// nodesOf reads a node list. Nodes without an id are left out, as are
// repetitions: nothing can be asked about them.
func nodesOf(list []nodeBody) []Node {
	seen := make(map[text]bool)
	nodes := make([]Node, 0, len(list))
	for _, n := range list {
		if n.ID == "" || seen[n.ID] {
			continue
		}
		seen[n.ID] = true
		nodes = append(nodes, Node{
			ID: string(n.ID), Name: string(n.Name), Status: string(n.Status), Role: string(n.Role), Type: string(n.Type),
			IP: string(n.IP), Port: string(n.Port), GroupName: string(n.GroupName), AZCode: string(n.AZCode),
		})
	}
	return nodes
}
