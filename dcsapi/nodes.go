package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// MaxNodesLimit is the most instances that the API takes as limit when it
// lists the nodes of a project.
const MaxNodesLimit = 100

const (
	// maxNodes bounds the nodes of an instance: a large cluster has some
	// hundreds.
	maxNodes = 2000
	// maxNodeTexts bounds the texts that are kept of them.
	maxNodeTexts = 2 << 20
	// maxProjectNodes bounds the nodes that are listed together.
	maxProjectNodes = 20_000
)

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

// ListNodes returns the logical nodes of an instance. A node whose id cannot be
// read is left out, and named to Options.ObserveOddity.
func (c *Client) ListNodes(ctx context.Context, instanceID string) ([]Node, error) {
	if err := checkID("instance", instanceID); err != nil {
		return nil, err
	}
	var nodes []Node
	var odd oddities
	defer func() { c.reportOddities("list_nodes", &odd) }()
	err := c.do(ctx, &call{
		operation: "list_nodes", op: "list nodes of instance " + instanceID,
		method: http.MethodGet, path: "/instances/" + instanceID + "/logical-nodes",
		decode: func(body []byte, _ http.Header) error {
			var answer members
			if err := decodeAnswer(body, &answer); err != nil {
				return err
			}
			if code, ok := textOf(answer["error_code"]); ok && code != "" {
				return errErrorCode
			}
			list, there, err := decodeList("nodes", answer["nodes"])
			switch {
			case err != nil:
				return err
			case !there:
				return errors.New(`no list of nodes in the answer: "nodes" is missing`)
			}
			nodes, err = c.nodesOf(CanonicalInstanceID(instanceID), list, &odd)
			return err
		},
	})
	return nodes, err
}

// nodesPageTimeout is how long one page of the nodes of all instances may take:
// there are many of them, and the context may allow for all.
const nodesPageTimeout = 30 * time.Second

// opListProjectNodes names the operation in errors.
const opListProjectNodes = "list nodes of all instances"

// ListProjectNodes returns the logical nodes of the project's instances, by
// canonical instance id, from as many pages as there are. Instances of which the
// API tells no nodes, or none that can be read, are left out.
func (c *Client) ListProjectNodes(ctx context.Context) (map[string][]Node, error) {
	all := make(map[string][]Node)
	count := 0
	instances := c.newElements("instance_id", "the instance is left out")
	defer func() { c.reportOddities("list_project_nodes", &instances.odd) }()
	err := allPages(opListProjectNodes, MaxNodesLimit, func(offset int) (int, int, int, error) {
		pageCtx, cancel := context.WithTimeout(ctx, nodesPageTimeout)
		defer cancel()
		page, total, err := c.listPage(pageCtx, &call{operation: "list_project_nodes", op: opListProjectNodes, path: "/instances-logical-nodes"}, "count", MaxNodesLimit, offset)
		for k, raw := range page {
			e, id, ok := instances.next(raw, offset+k+1, CanonicalInstanceID)
			if !ok {
				continue
			}
			id = CanonicalInstanceID(id)
			list, _, err := decodeList("nodes", e.fields["nodes"])
			if err != nil {
				instances.odd.add("instance "+id, err.Error())
				continue
			}
			nodes, err := c.nodesOf(id, list, &instances.odd)
			if err == nil && len(nodes) > 0 {
				all[id] = nodes
				count += len(nodes)
				*instances.kept += textsOf(nodes)
			}
			if count > maxProjectNodes {
				return 0, 0, 0, &Error{Op: opListProjectNodes, Reason: ReasonInconsistent, Message: fmt.Sprintf("the list has no end: more than %d nodes", maxProjectNodes)}
			}
		}
		if large := instances.tooLarge(maxInstances); err == nil && large != nil {
			err = &Error{Op: opListProjectNodes, Reason: ReasonInconsistent, Message: large.Error()}
		}
		return len(page), instances.distinct(), total, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// textsOf returns how many bytes the texts of nodes have.
func textsOf(nodes []Node) (n int) {
	for _, node := range nodes {
		n += len(node.ID) + len(node.Name) + len(node.Status) + len(node.Role) + len(node.Type) + len(node.IP) + len(node.Port) + len(node.GroupName) + len(node.AZCode)
	}
	return n
}

// nodesOf reads the list of an instance's nodes. Nodes without an id are left
// out: nothing can be asked about them. So are repetitions.
func (c *Client) nodesOf(instanceID string, list []json.RawMessage, odd *oddities) ([]Node, error) {
	if len(list) > maxNodes {
		return nil, fmt.Errorf("the list of nodes has %d elements: more than %d are not read", len(list), maxNodes)
	}
	nodes := make([]Node, 0, len(list))
	elements := c.newElements("node_id", "the node is left out")
	elements.of = " of instance " + instanceID
	for k, raw := range list {
		e, id, ok := elements.next(raw, k+1, func(id string) string { return id })
		if !ok {
			continue
		}
		e.odd = func(text string) { odd.add("node "+id+elements.of, text) }
		nodes = append(nodes, Node{
			ID: id, Name: e.text("name"), Status: e.text("status"), Role: e.text("node_role"), Type: e.text("node_type"),
			IP: e.text("node_ip"), Port: e.text("node_port"), GroupName: e.text("group_name"), AZCode: e.text("az_code"),
		})
	}
	odd.join(&elements.odd)
	if *elements.kept > maxNodeTexts {
		return nil, fmt.Errorf("the list of nodes is too large: the texts of %d elements have more than %d MiB", len(list), maxNodeTexts>>20)
	}
	return nodes, elements.unreadable()
}
