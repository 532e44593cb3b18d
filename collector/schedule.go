package collector

import (
	"context"
	"sync"
	"time"

	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"
)

// schedule decides which nodes of a project there is time for in one scrape. They
// share the requests that the rate limit lets pass until the deadline. Those that
// have waited longest come first; instances whose nodes are not known yet have
// never been asked about, so they come before the others.
type schedule struct {
	ctx      context.Context
	budget   *budget
	project  *project
	options  *Options
	together bool // the nodes of all instances are listed together

	wait sync.WaitGroup

	mu           sync.Mutex
	waiting      []*job
	running      map[*job]bool
	begun        bool     // a job was admitted
	requests     float64  // that there was time for at the beginning
	readmissions int      // nodes that were admitted and had no place after all
	scans        *barrier // of the jobs up to their scans
	newScans     *barrier // of new nodes, and of instances whose nodes may be
	nodes        int      // to be read, as far as known
	admitted     int      // nodes
}

func newSchedule(ctx context.Context, p *project, b *budget, o *Options, together bool) *schedule {
	return &schedule{
		ctx: ctx, budget: b, project: p, options: o, together: together,
		running: make(map[*job]bool), scans: newBarrier(), newScans: newBarrier(),
	}
}

// read reads the nodes of instances, side by side, as many as there is time for,
// and returns when that is done.
func (s *schedule) read(instances []*instanceResult) {
	for _, i := range instances {
		if i.NodesKnown() {
			s.addNodes(i)
		} else {
			s.waiting = append(s.waiting, newListingJob(i))
		}
	}
	s.mu.Lock()
	s.admit()
	s.mu.Unlock()
	s.wait.Wait()

	unlisted := 0
	for _, j := range s.waiting {
		unlisted += boolToInt(j.lists())
	}
	for _, j := range s.waiting {
		if j.lists() {
			j.instance.err, j.instance.deferred = s.unread(deferredInstance(j.instance.ID, unlisted)), true
		} else {
			j.Reading, j.deferred = reader.Reading{Err: s.unread(deferredNode(j.instance.ID, j.details.ID, s.nodes, s.admitted))}, true
		}
	}
	for _, i := range instances {
		details := i.NodeDetails()
		for _, n := range i.nodes {
			if d, ok := details[n.details.ID]; ok {
				n.details = d
			}
		}
	}
}

// maxNodes bounds the nodes of a project that the API's lists make a scrape
// read, whatever they say: each takes some 5 KiB while metrics are made, and more
// of them are not read at any rate that the API grants.
const maxNodes = 20_000

// addNodes adds the nodes of an instance. It waits for them to be listed if they
// are not known.
func (s *schedule) addNodes(i *instanceResult) {
	ids, err := i.NodeIDs(s.ctx, s.together)
	if i.err = err; err != nil {
		return
	}
	if i.Nodes == nil {
		s.project.nodes.Retain(i.ID, ids, s.options.keep())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.Nodes == nil && s.nodes+len(ids) > maxNodes {
		i.err = tooManyNodes(i.ID, len(ids))
		return
	}
	s.nodes += len(ids)
	i.limits = i.Limits()
	details := i.NodeDetails()
	for _, id := range ids {
		n := &nodeResult{details: details[id]}
		n.details.ID = id
		i.nodes = append(i.nodes, n)
		s.waiting = append(s.waiting, newNodeJob(i, n, s.project.reader.NodeState(i.ID, id), &s.options.Scan))
	}
}

// admit starts the jobs that there is time for. s.mu must be held.
func (s *schedule) admit() {
	if len(s.waiting) == 0 || s.ctx.Err() != nil {
		return
	}
	c := s.capacity()
	if c.left < 1 {
		return // and do not look for the cheapest each time
	}
	least := float64(cheapest(s.waiting))
	if !s.begun {
		least = min(least, 1)
	}
	if c.left < least {
		return
	}
	var now []*job
	now, s.waiting = c.take(s.waiting, !s.begun)
	s.begun = s.begun || len(now) > 0
	s.scans.add(len(now))
	for _, j := range now {
		s.running[j] = true
		if j.lists() || j.isNew() {
			s.newScans.add(1)
		}
	}
	for _, j := range now {
		if j.lists() {
			s.wait.Go(func() { s.list(j) })
			continue
		}
		s.admitted++
		scans, newScans := s.scans.open, s.newScans.open
		s.wait.Go(func() { s.readNode(j, scans, newScans) })
	}
}

// capacity returns how many requests there is time for, without those that the jobs
// under way will send. s.mu must be held.
func (s *schedule) capacity() capacity {
	c := capacity{left: s.project.api.Capacity(s.budget.end), scans: s.project.api.Capacity(s.budget.scans)}
	if !s.begun {
		s.requests = c.left
	}
	c.scrape, c.large = s.requests, largeShare*s.requests
	for j := range s.running {
		sent := int(j.sent.Load())
		if j.large(c.scrape) {
			c.large -= j.reservedRequests(c.scrape)
		}
		c.left -= max(0, j.reservedRequests(c.scrape)-float64(sent))
		c.scans -= float64(max(0, j.scanCost-sent))
	}
	return c
}

// list lists the nodes of a job's instance.
func (s *schedule) list(j *job) {
	s.addNodes(j.instance)
	s.finish(j)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans.pass() // its nodes have been added, if there is time for them
	s.newScans.pass()
}

// readNode reads a job's node. New nodes are scanned first, before the requests of
// the others queue up for the rate limit; lists are read when scans is closed.
func (s *schedule) readNode(j *job, scans, newScans <-chan struct{}) {
	if !j.isNew() {
		timer := time.NewTimer(time.Until(s.budget.newScans))
		select {
		case <-newScans:
		case <-timer.C:
		case <-s.ctx.Done():
		}
		timer.Stop()
	}
	j.Reading = s.project.reader.Read(s.ctx, reader.Request{
		InstanceID: j.instance.ID, NodeID: j.details.ID,
		ScanBy: s.budget.scans, Wait: s.budget.wait, ReadFrom: scans, IdleTimeout: j.instance.idleTimeout(&j.details),
		OnRequest: func() { j.sent.Add(1) },
		OnScanned: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.scans.pass()
			if j.isNew() {
				s.newScans.pass()
			}
		},
	})
	s.finish(j)
}

// maxReadmissions is how often others are admitted after a node had no place.
const maxReadmissions = 5

// finish ends a job and makes room for others. A node for which the rate limit left
// no place after all waits on, and leaves no room.
func (s *schedule) finish(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, j)
	if !j.lists() && dcsapi.IsRateLimitTimeout(j.Err) {
		s.readmissions++
		s.admitted--
		j.sent.Store(0)
		s.waiting = append(s.waiting, j)
		if len(s.running) > 0 || s.readmissions > maxReadmissions {
			return
		}
	}
	s.admit()
}

// unread returns why there was no time for a job: deferred, unless the scrape has
// ended early.
func (s *schedule) unread(deferred *dcsapi.Error) error {
	if s.ctx.Err() == context.Canceled {
		deferred.Message = "the scrape was cancelled: the caller disconnected"
	}
	return deferred
}
