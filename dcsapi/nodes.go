package dcsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// MaxNodesLimit is the largest limit, in instances, that the API accepts for the
// nodes of all instances.
const MaxNodesLimit = 100

const (
	// maxNodes bounds the nodes of an instance: a large cluster has some hundreds.
	maxNodes = 2000
	// maxNodeTexts bounds the texts that are kept of them, in bytes.
	maxNodeTexts = 2 << 20
	// maxProjectNodes bounds the nodes that are listed together.
	maxProjectNodes = 20_000
)

// Node is a logical node of an instance. Any of its fields but the id may be
// empty.
type Node struct {
	ID        string // as ListClients takes it
	Name      string
	Status    string
	Role      string // redis-server or redis-proxy
	Type      string // master, slave or proxy
	IP        string
	Port      string
	GroupName string
	AZCode    string

	Dimensions []Dimension // by which the cloud's own monitoring (CES) knows the node
}

// Dimension is a dimension of the cloud's own monitoring, such as
// dcs_cluster_redis_node, and its value.
type Dimension struct{ Name, Value string }

// maxDimensions bounds the dimensions of a node.
const maxDimensions = 8

// dimensions returns the dimensions of a node. Those without a name or a value are
// left out.
func (e *element) dimensions() []Dimension {
	list, _, err := e.fields.list("dimensions")
	if err != nil {
		e.warn(err.Error())
	}
	var all []Dimension
	for _, raw := range list[:min(len(list), maxDimensions)] {
		of := e.part(raw)
		if d := (Dimension{of.text("name"), of.text("value")}); d.Name != "" && d.Value != "" && !slices.Contains(all, d) {
			all = append(all, d)
			e.kept += of.kept
		}
	}
	return all
}

// IsProxy reports whether the node is a proxy, to which clients connect instead
// of a shard.
func (n Node) IsProxy() bool { return n.Role == "redis-proxy" || n.Type == "proxy" }

// IsReplica reports whether the node replicates a master.
func (n Node) IsReplica() bool { return n.Type == "slave" || n.Type == "replica" }

// ListNodes returns the logical nodes of an instance, in the API's order, each once.
// A node without a readable id is left out, and reported to Observer.Warning. A list
// of more than 2,000 nodes, or of which no node can be read, is an error.
func (c *Client) ListNodes(ctx context.Context, instanceID string) ([]Node, error) {
	if err := checkID("instance", instanceID); err != nil {
		return nil, err
	}
	var nodes []Node
	request := &call{
		operation: "list_nodes", action: "list nodes of instance " + instanceID,
		path: "/instances/" + instanceID + "/logical-nodes",
	}
	err := c.getList(ctx, request, "nodes", func(list []json.RawMessage, found *warnings) (err error) {
		nodes, _, err = c.decodeNodes(CanonicalInstanceID(instanceID), list, found)
		return err
	})
	return nodes, err
}

// nodesPageTimeout bounds a page of the nodes of all instances: there are many
// pages, and the context may allow for all of them.
const nodesPageTimeout = 30 * time.Second

// ListProjectNodes returns the logical nodes of all instances of the project by
// canonical instance id. Instances without nodes, or for which ListNodes would
// return an error, are left out. More than 20,000 nodes are an error. It reads up to
// MaxNodesLimit instances a page, each within 30 seconds.
func (c *Client) ListProjectNodes(ctx context.Context) (map[string][]Node, error) {
	const action = "list nodes of all instances"
	all := make(map[string][]Node)
	count, texts := 0, 0
	var found warnings
	defer c.reportWarnings("list_project_nodes", &found)
	instances := c.newInstances(&found)
	err := allPages(action, MaxNodesLimit, func(offset int) (pageCounts, error) {
		pageCtx, cancel := context.WithTimeout(ctx, nodesPageTimeout)
		defer cancel()
		list, total, err := c.listPage(pageCtx, &call{operation: "list_project_nodes", action: action, path: "/instances-logical-nodes"}, "count", MaxNodesLimit, offset)
		for k, raw := range list {
			e, id, ok := instances.next(raw, offset+k+1)
			if !ok {
				continue
			}
			id = CanonicalInstanceID(id)
			list, _, err := e.fields.list("nodes")
			if err != nil {
				found.add("instance "+id, err.Error())
				continue
			}
			if nodes, kept, err := c.decodeNodes(id, list, &found); err == nil && len(nodes) > 0 {
				all[id] = nodes
				count += len(nodes)
				texts += e.kept + kept
			}
			if count > maxProjectNodes {
				return pageCounts{}, &Error{Op: action, Reason: ReasonInconsistent, Message: fmt.Sprintf("the list has no end: more than %d nodes", maxProjectNodes)}
			}
		}
		if err == nil {
			err = checkSize(action, instances.distinct(), texts)
		}
		return pageCounts{len(list), instances.distinct(), total}, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// decodeNodes decodes the list of an instance's nodes, and returns the bytes of
// their texts too. Repeated nodes and those without an id, about which nothing can
// be asked, are left out.
func (c *Client) decodeNodes(instanceID string, list []json.RawMessage, found *warnings) (nodes []Node, texts int, err error) {
	if len(list) > maxNodes {
		return nil, 0, fmt.Errorf("the list of nodes has %d elements: more than %d are not read", len(list), maxNodes)
	}
	nodes = make([]Node, 0, len(list))
	elements := c.newElements("node_id", "node", found)
	elements.parent = " of instance " + instanceID
	for k, raw := range list {
		e, id, ok := elements.next(raw, k+1)
		if !ok {
			continue
		}
		e.subject = "node " + id + elements.parent
		nodes = append(nodes, Node{
			ID: id, Name: e.text("name"), Status: e.text("status"), Role: e.text("node_role"), Type: e.text("node_type"),
			IP: e.text("node_ip"), Port: e.text("node_port"), GroupName: e.text("group_name"), AZCode: e.text("az_code"), Dimensions: e.dimensions(),
		})
		texts += e.kept
	}
	if texts > maxNodeTexts {
		return nil, 0, fmt.Errorf("the list of nodes is too large: the texts of %d elements have more than %d MiB", len(list), maxNodeTexts>>20)
	}
	return nodes, texts, elements.check()
}
