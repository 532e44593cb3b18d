package collector

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dcs_session_exporter/dcsapi"
)

// schedule decides which nodes of a project there is time for in one scrape.
// All of them share one budget: the requests that the rate limit lets pass
// until the deadline. Those that have waited longest come first; instances
// whose nodes are not known yet have never been asked about, so they come
// before the others. It is good for one scrape.
type schedule struct {
	ctx      context.Context
	deadline time.Time
	project  *project
	reader   nodeReader
	atOnce   bool // node lists come together

	wait sync.WaitGroup

	mu      sync.Mutex
	waiting []*job
	running map[*job]bool
	begun   bool // something was admitted
	full    bool // a node was admitted for which there was no place after all
	scans   *gate
	lead    *gate // opens when the nodes that were never asked about have been scanned
	cost    int   // requests of the jobs that are announced to scans
	scan    int   // of these, those up to their scans
	nodes   int   // that are to be read, as far as known
	reached int   // nodes that were admitted
}

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

func newSchedule(ctx context.Context, p *project, reader nodeReader, atOnce bool) *schedule {
	deadline, _ := ctx.Deadline()
	return &schedule{ctx: ctx, deadline: deadline, project: p, reader: reader, atOnce: atOnce, running: make(map[*job]bool)}
}

// read reads the nodes of instances, side by side, as many as there is time
// for, and returns when that is done.
func (s *schedule) read(instances []*instanceResult) {
	for _, i := range instances {
		if _, _, have := i.state.nodes.peek(); have || i.Nodes != nil {
			s.addNodes(i)
			continue
		}
		s.waiting = append(s.waiting, &job{instance: i, cost: unlistedCost, scan: unlistedCost - 1})
	}
	s.mu.Lock()
	s.admit()
	s.mu.Unlock()
	s.wait.Wait()

	unlisted := 0
	for _, j := range s.waiting {
		if j.instance != nil {
			unlisted++
		}
	}
	for _, j := range s.waiting {
		if j.instance != nil {
			j.instance.err, j.instance.left = notListed(j.instance.ID, unlisted), true
			continue
		}
		j.reading = reading{err: notReached(j.state, s.nodes, s.reached), left: true}
	}
	for _, i := range instances {
		known := i.state.detailsOf()
		for _, n := range i.nodes {
			if d, ok := known[n.details.ID]; ok {
				n.details = d
			}
		}
	}
}

// unlistedCost is what an instance is assumed to cost whose nodes are not
// known: its node list, and the first reading of one node.
const unlistedCost = 4

// addNodes adds the nodes of an instance. If they are not known it waits for
// them to be listed.
func (s *schedule) addNodes(i *instanceResult) {
	options := s.reader.options
	ids, err := i.toRead(s.ctx, s.atOnce, options.DiscoveryInterval)
	if i.err = err; err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes += len(ids)
	for _, id := range ids {
		n := &nodeResult{details: dcsapi.Node{ID: id}}
		i.nodes = append(i.nodes, n)
		s.waiting = append(s.waiting, newJob(n, i.state.node(id), options))
	}
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

// admit starts the jobs that the budget is enough for; s.mu must be held.
func (s *schedule) admit() {
	if len(s.waiting) == 0 || s.full || s.ctx.Err() != nil {
		return
	}
	capacity := s.project.API.Capacity(s.deadline)
	scans := s.project.API.Capacity(shareOf(s.ctx, s.scanShare()))
	for j := range s.running {
		sent := int(j.sent.Load())
		capacity -= float64(max(0, j.cost-sent))
		scans -= float64(max(0, j.scan-sent))
	}
	least := float64(cheapest(s.waiting))
	if !s.begun {
		least = min(least, 1)
	}
	if capacity < least {
		return
	}
	var now []*job
	now, s.waiting = longestWaiting(s.waiting, capacity, scans, !s.begun)
	if len(now) == 0 {
		return
	}
	s.begun = true
	release := s.announce(now)
	defer release()
	for _, j := range now {
		s.running[j] = true
		scans, lead := s.scans, s.lead
		if j.instance != nil {
			s.wait.Go(func() {
				s.addNodes(j.instance)
				s.finish(j)
				// Its nodes are announced, if it is their turn.
				scans.pass()
				lead.pass()
			})
			continue
		}
		s.reached++
		reader := s.reader
		scanned := func() {}
		if j.isNew() {
			scanned = sync.OnceFunc(lead.pass)
			if j.scan == 0 {
				scanned()
			}
		}
		reader.api = countingAPI{reader.api, &j.sent, scanned}
		reader.scans, reader.scanShare = scans, s.scanShare()
		s.wait.Go(func() {
			if !j.isNew() {
				lead.wait(s.ctx, shareOf(s.ctx, leadShare))
			}
			j.reading = reader.read(s.ctx, j.state)
			scanned()
			s.finish(j)
		})
	}
}

// leadShare is the part of a scrape's time that new nodes have to be scanned
// before the requests of the others queue up before theirs.
const leadShare = 0.1

// isNew reports whether the API was never asked about the job's node.
func (j *job) isNew() bool { return j.asked.IsZero() }

// announce has the jobs join those whose lists are not read before the scans of
// all of them have been sent, if there still are such; s.mu must be held. Each
// job must pass s.scans then, and s.lead if it is new. The function that it
// returns must be called when all have begun.
func (s *schedule) announce(jobs []*job) (release func()) {
	var begun []*gate
	join := func(g *gate, n int) *gate {
		if g != nil && g.announce(n) {
			return g
		}
		g = newGate()
		g.announce(n)
		begun = append(begun, g)
		return g
	}
	newOnes := 0
	for _, j := range jobs {
		if j.isNew() {
			newOnes++
		}
	}
	before := s.scans
	s.scans, s.lead = join(s.scans, len(jobs)), join(s.lead, newOnes)
	if s.scans != before {
		s.cost, s.scan = 0, 0
	}
	for _, j := range jobs {
		s.cost += j.cost
		s.scan += j.scan
	}
	return func() {
		for _, g := range begun {
			g.pass()
		}
	}
}

// finish makes room for others. A node of which nothing could be sent had no
// turn, and leaves no room: others would fare no better.
func (s *schedule) finish(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, j)
	if j.nodeResult != nil && dcsapi.NoPlace(j.err) {
		s.full = true
		s.reached--
		s.waiting = append(s.waiting, j)
	}
	s.admit()
}

// longestWaiting takes the jobs that so many requests are enough for, of which
// so many may be up to their scans; those first that have waited longest. It
// returns them and the rest, both in the order in which they have waited. One
// that is huge does not keep the others out: it takes its share, and what they
// leave. With first, at least one is taken.
func longestWaiting(jobs []*job, capacity, scans float64, first bool) (taken, rest []*job) {
	slices.SortStableFunc(jobs, func(a, b *job) int {
		// What is listed already is read before more is listed.
		return cmp.Or(a.asked.Compare(b.asked), cmp.Compare(listing(a), listing(b)))
	})
	most := max(capacity/4, 8)
	for k, j := range jobs {
		capacity -= min(float64(j.cost), most)
		scans -= float64(j.scan)
		if (capacity < 0 && k > 0) || (scans < 0 && j.scan > 0 && (k > 0 || !first)) {
			return jobs[:k:k], slices.Clone(jobs[k:])
		}
	}
	return jobs, nil
}

// scanShare returns the part of a scrape's time within which nodes are scanned:
// the rest is for reading their lists. s.mu must be held.
func (s *schedule) scanShare() float64 {
	return min(max(0.5, float64(s.scan)/float64(max(1, s.cost))+0.1), 0.8)
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
