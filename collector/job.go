package collector

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
)

// job is a node to read in a scrape, or an instance whose nodes have to be listed
// first.
type job struct {
	*nodeResult                 // nil for an instance
	instance    *instanceResult // of a node too
	requestedAt time.Time       // when the API was last asked about it, zero if never
	cost        int             // requests that reading takes, as far as can be foreseen
	scanCost    int             // of these, those up to the scan
	sent        atomic.Int64    // of these, those sent by now
}

// listingCost is what an instance is assumed to cost whose nodes are not known: its
// list of nodes, and the first reading of one node.
const listingCost = 4

// newListingJob returns the job of listing an instance's nodes.
func newListingJob(i *instanceResult) *job {
	return &job{instance: i, cost: listingCost, scanCost: listingCost - 1}
}

// newNodeJob returns the job of reading a node now.
func newNodeJob(i *instanceResult, n *nodeResult, plan reader.NodeState, scan *reader.ScanOptions) *job {
	j := &job{nodeResult: n, instance: i, requestedAt: plan.RequestedAt}
	if plan.InProgress {
		return j // the requests are somebody else's
	}
	if scan.Due(plan.ScannedAt) {
		j.scanCost++
		if !plan.ListKnown {
			j.scanCost++ // which list there is before
		}
	}
	j.cost = max(1, plan.Pages) + j.scanCost
	return j
}

// lists reports whether the job lists an instance's nodes.
func (j *job) lists() bool { return j.nodeResult == nil }

// isNew reports whether the API was never asked about the job's node.
func (j *job) isNew() bool { return j.requestedAt.IsZero() }

// largeShare is the part of a scrape's requests that large jobs take together.
const largeShare = 0.5

// large reports whether the job takes nearly all requests of a scrape, or more.
func (j *job) large(requests float64) bool { return float64(j.cost) > 0.75*requests }

// reservedRequests returns how many of a scrape's requests are set aside for the
// job: what it costs, so that it can be finished. A large one does not keep the
// others out: it has a part, and what they leave.
func (j *job) reservedRequests(requests float64) float64 {
	if j.large(requests) {
		return min(float64(j.cost), max(requests/4, 8))
	}
	return float64(j.cost)
}

// capacity is how many requests there is time for.
type capacity struct {
	scrape float64 // in the whole scrape
	left   float64 // until its end
	scans  float64 // until the scans must be done
	large  float64 // for large jobs
}

// take takes the jobs that the capacity is enough for, those first that have waited
// longest, and returns them and the rest, both in that order. With first, it takes
// at least one. Large jobs beyond their part wait, and the others go past them.
func (c capacity) take(jobs []*job, first bool) (taken, rest []*job) {
	slices.SortStableFunc(jobs, func(a, b *job) int {
		// Nodes that are known are read before more are listed.
		return cmp.Or(a.requestedAt.Compare(b.requestedAt), cmp.Compare(boolToInt(a.lists()), boolToInt(b.lists())))
	})
	for k, j := range jobs {
		charge, none := j.reservedRequests(c.scrape), len(taken) == 0
		if j.large(c.scrape) {
			if c.large < charge && (c.large < largeShare*c.scrape || !none) {
				rest = append(rest, j)
				continue
			}
			c.large -= charge
		}
		c.left -= charge
		c.scans -= float64(j.scanCost)
		if (c.left < 0 && !none) || (c.scans < 0 && j.scanCost > 0 && (!none || !first)) {
			return taken, append(rest, jobs[k:]...)
		}
		taken = append(taken, j)
	}
	return taken, rest
}

// boolToInt returns 1 for true, 0 for false.
func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cheapest returns what the cheapest of the jobs costs.
func cheapest(jobs []*job) int {
	return slices.MinFunc(jobs, func(a, b *job) int { return cmp.Compare(a.cost, b.cost) }).cost
}

// overloadAdvice says what to do about a project that needs more requests than a
// scrape has time for.
const overloadAdvice = "; those that have waited longest come first: scrape less often with a longer timeout, or spread the instances over several exporters"

// deferredNode is why there was no time to read a node.
func deferredNode(instanceID, nodeID string, nodes, admitted int) *dcsapi.Error {
	return &dcsapi.Error{
		Op: "read node " + nodeID + " of instance " + instanceID, Reason: dcsapi.ReasonTimeout,
		Message: fmt.Sprintf("the rate limit (requests_per_second) leaves time for %d of the project's %d nodes in this scrape", admitted, nodes) + overloadAdvice,
	}
}

// deferredInstance is why there was no time to list an instance's nodes.
func deferredInstance(instanceID string, instances int) *dcsapi.Error {
	return &dcsapi.Error{
		Op: "list nodes of instance " + instanceID, Reason: dcsapi.ReasonTimeout,
		Message: fmt.Sprintf("the rate limit (requests_per_second) leaves no time to list the nodes of this and %d further instances in this scrape", instances-1) + overloadAdvice,
	}
}

// tooManyNodes is why an instance is not read in whose project there are more
// nodes than can be.
func tooManyNodes(instanceID string, nodes int) error {
	return &dcsapi.Error{
		Op: "list nodes of instance " + instanceID, Reason: dcsapi.ReasonInconsistent,
		Message: fmt.Sprintf("with this instance's %d nodes the project has more than %d: they are not read, unless the configuration names them (nodes)", nodes, maxNodes),
	}
}
