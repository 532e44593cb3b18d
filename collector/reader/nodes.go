package reader

import (
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/internal/retention"
)

// Nodes holds what is remembered of a project's nodes from one scrape to the
// next, by instance id and node id. The zero value is empty. It is safe for
// concurrent use.
type Nodes struct {
	instances retention.Map[*retention.Map[*node]]
}

// of returns what is remembered of an instance's nodes.
func (s *Nodes) of(instanceID string) *retention.Map[*node] {
	return s.instances.Get(instanceID, func() *retention.Map[*node] { return new(retention.Map[*node]) })
}

// get returns what is remembered of a node.
func (s *Nodes) get(instanceID, nodeID string) *node {
	return s.of(instanceID).Get(nodeID, func() *node { return newNode(instanceID, nodeID) })
}

// Retain drops the nodes of an instance that have not been listed for longer than
// keep; listed are the ids of those that it has now. Of the others it keeps at most
// as many as are listed, or retention.MinAbsent if that is more: those that were
// listed last.
func (s *Nodes) Retain(instanceID string, listed []string, keep time.Duration) {
	there := make(map[string]bool, len(listed))
	for _, id := range listed {
		there[id] = true
	}
	s.of(instanceID).Retain(func(id string) bool { return there[id] }, len(there), keep)
}

// RetainInstances drops the nodes of every instance for which remembered returns
// false.
func (s *Nodes) RetainInstances(remembered func(id string) bool) {
	s.instances.Filter(remembered)
}

// node is what is remembered of a node.
type node struct {
	instanceID string
	id         string
	plan       atomic.Pointer[NodeState] // never nil

	mu   sync.Mutex
	turn *turn // the turn under way, nil if there is none

	state
}

// state is what only the turn under way may use.
type state struct {
	scanned         time.Time // when the last scan was started, by the local clock
	pending         *pendingScan
	scanError       error  // of the last scan, nil if it succeeded
	listTime        string // `time` of the list that the API gave last, "" if none
	scanUnconfirmed bool   // there was a scan since, and no newer list was seen: it may have come

	last        *aggregate.Snapshot // of the last list that was read whole
	lastOptions *aggregate.Options
	lastTime    string        // its `time`
	lastAge     time.Duration // negative if its time is ahead of the clock
	lastClock   string        // by which it was lastAge old
	lastRead    time.Time     // when it was lastAge old, by the local clock
	lastPages   int
	lost        int           // sessions that could not be read
	timeout     time.Duration // the server's idle timeout, 0 for none or if it is not known

	habits pagingProfile
	top    aggregate.TopLists
	churn  aggregate.ChurnTracker
}

// newNode returns a node that has never been read.
func newNode(instanceID, id string) *node {
	n := &node{instanceID: instanceID, id: id}
	n.plan.Store(new(NodeState))
	return n
}

// NodeState is what the planning of a scrape must know of a node. But for InProgress
// it is as of the end of its last reading or scan.
type NodeState struct {
	RequestedAt time.Time // when the last reading ended that sent a request, zero if there was none
	ScannedAt   time.Time // when it was last scanned, as far as known; zero if never
	ListKnown   bool      // the `time` of its list is known
	Pages       int       // of its last list, or expected of one that took too long; 0 if there was none
	InProgress  bool      // somebody is reading or scanning it
}

// NodeState returns what is known of a node, the zero NodeState for one that was
// never read. It does not wait.
func (r *Reader) NodeState(instanceID, nodeID string) NodeState {
	return *r.nodes.get(instanceID, nodeID).plan.Load()
}

// publish publishes the node's plan at the end of a turn. read reports whether the
// API was asked for the node's list.
func (n *node) publish(read bool) {
	p := &NodeState{RequestedAt: n.plan.Load().RequestedAt, ScannedAt: n.scanned, ListKnown: n.knowsList(), Pages: n.lastPages}
	if read {
		p.RequestedAt = time.Now()
	}
	n.plan.Store(p)
}
