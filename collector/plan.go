package collector

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"
)

// plan is what planning a scrape must know of a node.
type plan struct {
	asked   time.Time // when the API was asked about it last, zero if never
	scanned time.Time // when it was scanned last, zero if never
	seen    bool      // the time of its list is known
	pages   int       // of its last list, at least 1
}

// planned returns the node's plan after a reading that ended with err; n.mu is
// held, and so is the reading's turn.
func (n *node) planned(err error) plan {
	p := plan{asked: n.plan.asked, scanned: n.scanned, seen: n.knowsList(), pages: n.lastSize}
	if !dcsapi.Unsent(err) {
		p.asked = time.Now()
	}
	return p
}

// job is a node to read in a scrape.
type job struct {
	*nodeResult
	state *node
	asked time.Time
	cost  int // requests that reading takes, as far as can be foreseen
	scan  int // of these, those up to the scan
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

// scanShare returns the part of a scrape's time within which the nodes of jobs
// are scanned: the rest is for reading their lists.
func scanShare(jobs []*job) float64 {
	cost, scan := 0, 0
	for _, j := range jobs {
		cost += j.cost
		scan += j.scan
	}
	return min(max(0.5, float64(scan)/float64(max(1, cost))+0.1), 0.8)
}

// admit takes the jobs that so many requests are enough for, those first that
// have waited longest, and returns them and the rest, both in the order in
// which they have waited. At least one is taken, and one that is huge does not
// keep the others out: it takes its share, and what they leave.
func admit(jobs []*job, capacity float64) (taken, rest []*job) {
	slices.SortStableFunc(jobs, func(a, b *job) int { return a.asked.Compare(b.asked) })
	most := max(capacity/4, 8)
	for k, j := range jobs {
		if capacity -= min(float64(j.cost), most); capacity < 0 && k > 0 {
			return jobs[:k], jobs[k:]
		}
	}
	return jobs, nil
}

// notReached is why a node had no turn in a scrape.
func notReached(n *node, nodes, reached int) error {
	return &dcsapi.Error{
		Op: "read node " + n.id + " of instance " + n.instanceID, Reason: dcsapi.ReasonTimeout,
		Message: fmt.Sprintf("the rate limit (requests_per_second) leaves time for %d of the project's %d nodes in this scrape; those that have waited longest come first: "+
			"scrape less often with a longer timeout, or spread the instances over several exporters", reached, nodes),
	}
}

// cheapest returns what the cheapest of the jobs costs.
func cheapest(jobs []*job) int {
	return slices.MinFunc(jobs, func(a, b *job) int { return cmp.Compare(a.cost, b.cost) }).cost
}
