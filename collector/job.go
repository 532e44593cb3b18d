package collector

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

// job is a node to read in a scrape, or an instance whose nodes have to be
// listed first.
type job struct {
	*nodeResult                 // nil for an instance
	instance    *instanceResult // likewise for a node
	state       *node           // of a node
	asked       time.Time       // when the API was asked about it last, zero if never
	cost        int             // requests that reading takes, as far as can be foreseen
	scan        int             // of these, those up to the scan
	sent        atomic.Int64    // of these, those sent by now
}

// newJob returns the job of reading a node now.
func newJob(result *nodeResult, n *node, o *Options) *job {
	n.mu.Lock()
	defer n.mu.Unlock()
	j := &job{nodeResult: result, state: n, asked: n.plan.asked}
	if n.flight != nil {
		return j // somebody else's requests
	}
	j.cost = max(1, n.plan.pages)
	if o.Scan.due(n.plan.scanned) {
		j.scan++
		if !n.plan.seen {
			j.scan++ // what list there is before
		}
	}
	j.cost += j.scan
	return j
}

// longestWaiting takes the jobs that so many requests are enough for, of which
// so many may be up to their scans; those first that have waited longest. It
// returns them and the rest, both in the order in which they have waited. With
// first, at least one is taken. budget is what the whole scrape has, large what
// is left of the part that large jobs may take together: further ones wait, and
// the others go past them.
func longestWaiting(jobs []*job, budget, capacity, scans, large float64, first bool) (taken, rest []*job) {
	slices.SortStableFunc(jobs, func(a, b *job) int {
		// What is listed already is read before more is listed.
		return cmp.Or(a.asked.Compare(b.asked), cmp.Compare(listing(a), listing(b)))
	})
	for k, j := range jobs {
		charge, none := j.charge(budget), len(taken) == 0
		if j.large(budget) {
			if large < charge && (large < largeShare*budget || !none) {
				rest = append(rest, j)
				continue
			}
			large -= charge
		}
		capacity -= charge
		scans -= float64(j.scan)
		if (capacity < 0 && !none) || (scans < 0 && j.scan > 0 && (!none || !first)) {
			return taken, append(rest, jobs[k:]...)
		}
		taken = append(taken, j)
	}
	return taken, rest
}

// largeShare is the part of a scrape's budget that large jobs take together.
const largeShare = 0.5

// large reports whether the job takes nearly all of a scrape's budget, or more.
func (j *job) large(budget float64) bool { return float64(j.cost) > 0.75*budget }

// charge returns how many requests of a scrape's budget are set aside for the
// job: what it costs, so that it can be finished. A large one does not keep the
// others out: it has its share, and what they leave.
func (j *job) charge(budget float64) float64 {
	if j.large(budget) {
		return min(float64(j.cost), max(budget/4, 8))
	}
	return float64(j.cost)
}

// listing returns 1 for an instance, 0 for a node.
func listing(j *job) int {
	if j.instance != nil {
		return 1
	}
	return 0
}

// cheapest returns what the cheapest of the jobs costs.
func cheapest(jobs []*job) int {
	return slices.MinFunc(jobs, func(a, b *job) int { return cmp.Compare(a.cost, b.cost) }).cost
}

// countingAPI counts the requests of a job, and notices its scan.
type countingAPI struct {
	API
	sent    *atomic.Int64
	scanned func() // called after a scan was sent
}

// ListClients implements API.
func (a countingAPI) ListClients(ctx context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	a.sent.Add(1)
	return a.API.ListClients(ctx, r, consume)
}

// ScanClients implements API.
func (a countingAPI) ScanClients(ctx context.Context, instanceID, nodeID string) (string, error) {
	a.sent.Add(1)
	defer a.scanned()
	return a.API.ScanClients(ctx, instanceID, nodeID)
}

// spread is what to do about a project that takes more requests than a scrape
// has time for.
const spread = "; those that have waited longest come first: scrape less often with a longer timeout, or spread the instances over several exporters"

// notReached is why a node had no turn in a scrape.
func notReached(n *node, nodes, reached int) error {
	return &dcsapi.Error{
		Op: "read node " + n.id + " of instance " + n.instanceID, Reason: dcsapi.ReasonTimeout,
		Message: fmt.Sprintf("the rate limit (requests_per_second) leaves time for %d of the project's %d nodes in this scrape", reached, nodes) + spread,
	}
}

// notListed is why an instance had no turn to have its nodes listed.
func notListed(instanceID string, instances int) error {
	return &dcsapi.Error{
		Op: "list nodes of instance " + instanceID, Reason: dcsapi.ReasonTimeout,
		Message: fmt.Sprintf("the rate limit (requests_per_second) leaves no time to list the nodes of this and %d further instances in this scrape", instances-1) + spread,
	}
}
