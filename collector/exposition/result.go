package exposition

import (
	"iter"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// Result is what a scrape has found out. Ids of instances must differ, and so must
// those of an instance's nodes: series would repeat otherwise, which is an error.
type Result struct {
	AgeBuckets  []float64 // upper bounds in seconds, rising
	IdleBuckets []float64 // likewise
	Projects    []Project
}

// Project is the result for a project.
type Project struct {
	Region, ID string
	Up         bool // the instances are known and the key works
	Instances  []Instance
}

// Instance is the result for an instance.
type Instance struct {
	ID      string
	Details dcsapi.Instance // as far as known
	Skipped string          // why it is not read on purpose, "" if it is read
	Error   dcsapi.Reason   // why its nodes are not known, "" if they are
	Nodes   []Node          // those to be read

	SpecMaxClients   int64     // connections that all nodes together accept at most, by the specification; 0 if not known
	MaxClientsSource string    // where this or the nodes' maximum is from, "" if not known
	LimitsReadAt     time.Time // when the configuration was last read, zero if never
}

// Where the maximum number of connections is from.
const (
	FromConfiguration = "configuration" // max_clients of the exporter's configuration
	FromParameters    = "configs"       // maxclients among the instance's parameters
	FromFlavor        = "flavors"       // the specification
)

// Node is the result for a node.
type Node struct {
	Details  dcsapi.Node         // as far as known; ID always is
	Snapshot *aggregate.Snapshot // nil if the node was not read
	Churn    aggregate.Churn     // with a Snapshot
	Error    dcsapi.Reason       // why there is no Snapshot
	Warnings []dcsapi.Reason     // what went wrong although there is one
	Took     time.Duration       // to read it, waiting included

	MaxClients   int64                         // connections that the node accepts; 0 if not known
	IdleTimeout  *time.Duration                // 0 for none; nil if not known
	OutputBuffer map[string]dcsapi.BufferLimit // by class; as far as known
	MaxMemory    int64                         // bytes; 0 if not known
}

// up reports whether every node to be read was read.
func (i *Instance) up() bool {
	up := i.Error == ""
	for k := range i.Nodes {
		up = up && i.Nodes[k].Error == ""
	}
	return up
}

// instances ranges over all instances, with their projects.
func (r *Result) instances() iter.Seq2[*Project, *Instance] {
	return func(yield func(*Project, *Instance) bool) {
		for k := range r.Projects {
			p := &r.Projects[k]
			for n := range p.Instances {
				if !yield(p, &p.Instances[n]) {
					return
				}
			}
		}
	}
}

// Snapshots ranges over the snapshots of the nodes that were read.
func (r *Result) Snapshots() iter.Seq[*aggregate.Snapshot] {
	return func(yield func(*aggregate.Snapshot) bool) {
		for _, n := range r.read() {
			if !yield(n.Snapshot) {
				return
			}
		}
	}
}

// nodes ranges over the nodes that were to be read, with their instances.
func (r *Result) nodes() iter.Seq2[*Instance, *Node] {
	return func(yield func(*Instance, *Node) bool) {
		for _, i := range r.instances() {
			if i.Skipped != "" {
				continue
			}
			for k := range i.Nodes {
				if !yield(i, &i.Nodes[k]) {
					return
				}
			}
		}
	}
}

// read ranges over the nodes that were read, with their instances.
func (r *Result) read() iter.Seq2[*Instance, *Node] {
	return func(yield func(*Instance, *Node) bool) {
		for i, n := range r.nodes() {
			if n.Snapshot != nil && !yield(i, n) {
				return
			}
		}
	}
}
