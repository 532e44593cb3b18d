package collector

import (
	"context"
	"sync"
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
	begun   bool    // something was admitted
	budget  float64 // the requests that there was time for at the begin
	noPlace int     // nodes that were admitted and had no place after all
	scans   *gate
	lead    *gate // opens when the nodes that were never asked about have been scanned
	cost    int   // requests of the jobs that are announced to scans
	scan    int   // of these, those up to their scans
	nodes   int   // that are to be read, as far as known
	reached int   // nodes that were admitted
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

// admit starts the jobs that the budget is enough for; s.mu must be held.
func (s *schedule) admit() {
	if len(s.waiting) == 0 || s.ctx.Err() != nil {
		return
	}
	capacity := s.project.API.Capacity(s.deadline)
	if !s.begun {
		s.budget = capacity
	}
	scans := s.project.API.Capacity(shareOf(s.ctx, s.scanShare()))
	large := largeShare * s.budget
	for j := range s.running {
		sent := int(j.sent.Load())
		if j.large(s.budget) {
			large -= j.charge(s.budget)
		}
		capacity -= max(0, j.charge(s.budget)-float64(sent))
		scans -= float64(max(0, j.scan-sent))
	}
	if capacity < 1 {
		return // and do not look for the cheapest each time
	}
	least := float64(cheapest(s.waiting))
	if !s.begun {
		least = min(least, 1)
	}
	if capacity < least {
		return
	}
	var now []*job
	now, s.waiting = longestWaiting(s.waiting, s.budget, capacity, scans, large, !s.begun)
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

// maxNoPlace is how often others are admitted after a node had no place.
const maxNoPlace = 5

// finish makes room for others. A node for which the rate limit left no place
// after all had no turn: it waits on, and leaves no room.
func (s *schedule) finish(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, j)
	if j.nodeResult != nil && dcsapi.NoPlace(j.err) {
		s.noPlace++
		s.reached--
		j.sent.Store(0)
		s.waiting = append(s.waiting, j)
		if len(s.running) > 0 || s.noPlace > maxNoPlace {
			return
		}
	}
	s.admit()
}

// scanShare returns the part of a scrape's time within which nodes are scanned:
// the rest is for reading their lists. s.mu must be held.
func (s *schedule) scanShare() float64 {
	return min(max(0.5, float64(s.scan)/float64(max(1, s.cost))+0.1), 0.8)
}
