package collector

import (
	"sync"
	"time"

	"dcs_session_exporter/collector/fleet"
)

// ProjectStatus is how a project stands at the moment.
type ProjectStatus struct {
	Region   string
	ID       string        // "" while it is not known
	ListedAt time.Time     // when the instances were last listed; zero for never
	HoldOff  time.Duration // how long requests are still held off, 0 if they are not

	LimitsRefused bool // the key may not read the configuration of instances

	InFlight  int              // requests that have been sent and not answered
	Instances []InstanceStatus // in the order of fleet.Fleet.TargetsOf
}

// InstanceStatus is how an instance stands at the moment.
type InstanceStatus struct {
	*fleet.Target
	Tried   time.Time // when the last scrape of it ended; zero for never
	Skipped string    // why it was not read on purpose then: not_running or unsupported; "" if it was to be read
	Err     error     // why its nodes were not known then

	// Nodes are those of the last scrape that came to them, which one with Err does
	// not, nor one of an instance that is not running.
	Nodes []NodeStatus
}

// NodeStatus is how the readings of a node went.
type NodeStatus struct {
	ID, Name string
	Tried    time.Time // when the last scrape that was to read it ended, even if there was no time for the node
	Read     time.Time // when the last scrape that read it ended; zero for never
	Taken    time.Time // when the list that was read then was taken; zero if unknown
	Sessions int64     // on that list
	Err      error     // why it was not read in the scrape of Tried, nil if it was
	Warnings []error   // of the scrape of Tried
}

// journal remembers how the readings of a project's instances went. The zero
// value is empty. It is safe for concurrent use.
type journal struct {
	mu        sync.Mutex
	instances map[string]InstanceStatus
}

// note records the results of a scrape.
func (j *journal) note(results []*instanceResult, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.instances == nil {
		j.instances = make(map[string]InstanceStatus)
	}
	for _, r := range results {
		before := make(map[string]NodeStatus)
		for _, n := range j.instances[r.ID].Nodes {
			before[n.ID] = n
		}
		s := InstanceStatus{Tried: now, Skipped: r.skipped, Err: r.err, Nodes: make([]NodeStatus, len(r.nodes))}
		for k, n := range r.nodes {
			node := before[n.details.ID]
			node.ID, node.Name, node.Tried, node.Err, node.Warnings = n.details.ID, n.details.Name, now, n.Err, n.Warnings
			if n.Err == nil && n.Snapshot != nil {
				node.Read, node.Taken, node.Sessions = now, n.Snapshot.Taken, n.Snapshot.Sessions
			}
			s.Nodes[k] = node
		}
		if r.err != nil || r.skipped == skipNotRunning { // its nodes were not looked at
			s.Nodes = j.instances[r.ID].Nodes
		}
		j.instances[r.ID] = s
	}
}

// of returns what is known of an instance.
func (j *journal) of(t *fleet.Target) InstanceStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.instances[t.ID]
	s.Target = t
	return s
}

// retain forgets the instances that are not remembered.
func (j *journal) retain(remembered func(instanceID string) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id := range j.instances {
		if !remembered(id) {
			delete(j.instances, id)
		}
	}
}

// Status returns how the projects stand at the moment, in the order of the
// configuration, from memory: it does not wait. An instance that no scrape has come
// to yet has no nodes.
func (c *Collector) Status() []ProjectStatus {
	out := make([]ProjectStatus, len(c.projects))
	for i, p := range c.projects {
		out[i] = ProjectStatus{
			Region: p.api.Region(), ID: p.api.KnownProjectID(), ListedAt: p.ListedAt(),
			HoldOff: p.api.HoldOffRemaining(), LimitsRefused: p.LimitsRefused(), InFlight: p.api.InFlight(),
		}
		for t := range c.fleet.TargetsOf(p.Project) {
			out[i].Instances = append(out[i].Instances, p.journal.of(t))
		}
	}
	return out
}

// Health sums up how all projects stand.
type Health struct {
	Projects, Instances int
	Skipped             int       // instances that are not read on purpose, whose nodes do not count
	Nodes, Read         int       // nodes to be read, and those of them that were read in the last scrape
	Failed              int       // nodes that were not, and instances whose nodes were not known
	Oldest              time.Time // when the oldest list of the nodes that were read was taken; zero if unknown
	Scraped             time.Time // when the last scrape of any instance ended; zero for never
}

// Sum sums up how projects stand.
func Sum(projects []ProjectStatus) Health {
	h := Health{Projects: len(projects)}
	for _, p := range projects {
		for _, i := range p.Instances {
			h.add(i)
		}
	}
	return h
}

func (h *Health) add(i InstanceStatus) {
	h.Instances++
	if i.Tried.After(h.Scraped) {
		h.Scraped = i.Tried
	}
	switch {
	case i.Skipped != "":
		h.Skipped++
		return
	case i.Err != nil:
		h.Failed++
	}
	for _, n := range i.Nodes {
		h.Nodes++
		if n.Err != nil {
			h.Failed++
		}
		if n.Err != nil || i.Err != nil {
			continue
		}
		h.Read++
		if !n.Taken.IsZero() && (h.Oldest.IsZero() || n.Taken.Before(h.Oldest)) {
			h.Oldest = n.Taken
		}
	}
}
