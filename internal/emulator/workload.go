package emulator

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// WorkloadOptions configure the sessions of a node.
type WorkloadOptions struct {
	Seed  uint64
	Scale float64 // size of the connection pools, default 1: about 120 sessions

	Leak        bool     // one host never closes its connections, up to 500; two consoles were left open
	SlowReader  bool     // one client's output buffer grows for five minutes, until the client is restarted
	SlowPubSub  bool     // one subscriber's output buffer grows to 32 MiB, where it is disconnected
	SlowReplica bool     // the replica's output buffer comes near its limit from time to time
	PubSub      bool     // subscribers
	Workers     bool     // workers that block on lists
	Monitor     bool     // somebody runs MONITOR for one minute in five
	Replica     bool     // a replica is connected
	Master      bool     // the node is a replica: its master is connected
	Proxies     []string // addresses of the proxies, if they are the only clients
	Masked      bool     // clients connect through a VPC endpoint that hides their addresses
	NoUsers     bool     // no ACL users, as before Redis 6
}

const (
	workloadPast    = 15 * time.Minute // simulated time before the first call
	workloadCatchUp = time.Hour        // it starts over if it was not called for longer
	firstID         = 11_000
	firstFD         = 8
)

// Workload is a source of invented sessions that behave like those of a real
// node: pools grow and shrink, one host leaks, one client reads too slowly,
// workers wait, short-lived connections come and go. Each call simulates the time
// since the previous one; the same seed and times give the same sessions. Ids
// grow by one per accepted connection and are never reused. Use NewWorkload to
// make one.
type Workload struct {
	o     WorkloadOptions
	pools []pool

	mu    sync.Mutex
	rng   *rand.Rand
	now   int64 // seconds; 0 before the first call
	next  int64 // id of the last connection
	conns []*conn
}

// conn is one connection.
type conn struct {
	Session
	born, active int64 // seconds
	fd           int
	group        string
	commands     []string // commands that it runs, nil if it never changes
	busy         float64  // probability per second that it is active
	dies         int64    // when it is closed; 0 if it has no fixed lifetime
}

// NewWorkload returns a workload. The simulation starts with the first call of
// Sessions.
func NewWorkload(o WorkloadOptions) *Workload {
	o.Scale = cmp.Or(o.Scale, 1)
	return &Workload{o: o, pools: poolsOf(o)}
}

// Sessions implements Source.
func (w *Workload) Sessions(_ context.Context, now time.Time) ([]Session, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := now.Unix()
	if w.now == 0 || t-w.now > int64(workloadCatchUp.Seconds()) {
		w.start(t - int64(workloadPast.Seconds()))
	}
	for w.now < t {
		w.now++
		w.step()
	}
	out := make([]Session, 0, len(w.conns))
	for _, c := range w.conns {
		s := c.Session
		s.Age, s.Idle = w.now-c.born, w.now-c.active
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Session) int { return cmp.Compare(number(a.ID), number(b.ID)) })
	return out, "", nil
}

// start sets up the state of a node that has been running for days.
func (w *Workload) start(t int64) {
	w.rng = rand.New(rand.NewPCG(w.o.Seed, 1))
	w.conns, w.now, w.next = nil, t, max(w.next, firstID)
	if w.o.Leak {
		w.forget()
	}
	for i := range w.pools {
		w.breathe(&w.pools[i], i)
	}
	w.agePools()
}

// step simulates one second.
func (w *Workload) step() {
	w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return c.dies != 0 && c.dies <= w.now })
	for i := range w.pools {
		w.breathe(&w.pools[i], i)
	}
	if len(w.o.Proxies) == 0 {
		w.churn()
	}
	if w.o.Leak && w.now%leakEvery == 0 {
		w.leak()
	}
	w.stand()
	for _, slow := range []struct {
		on  bool
		how *slowness
	}{{w.o.SlowReader, &slowReader}, {w.o.SlowPubSub, &slowSubscriber}, {w.o.SlowReplica, &slowReplica}} {
		if slow.on {
			w.readSlowly(slow.how)
		}
	}
	for _, c := range w.conns {
		if c.busy > 0 && w.rng.Float64() < c.busy {
			c.active = w.now
			w.run(c)
		}
	}
}

// run sets a connection's fields as if it ran a command.
func (w *Workload) run(c *conn) {
	if c.commands == nil {
		return
	}
	c.Cmd = c.commands[w.rng.IntN(len(c.commands))]
	c.Flags, c.Multi, c.QBuf, c.QBufFree, c.OLL, c.OMem, c.Events = "N", -1, 0, 20474, 0, 0, "r"
	switch p := w.rng.Float64(); {
	case p < .02:
		c.Flags, c.Multi, c.Cmd = "x", 1+w.rng.Int64N(5), "set"
	case p < .10:
		c.QBuf = 26 + w.rng.Int64N(2000)
		c.QBufFree = 20474 - c.QBuf
	case p < .12:
		c.OLL, c.OMem, c.Events = 1, 20504, "rw"
	}
}

// open accepts a connection.
func (w *Workload) open(group, user, host, name string) *conn {
	w.next++
	port := strconv.FormatInt(32768+w.next*7919%28000, 10)
	addr := host + ":" + port
	peer := addr
	if w.o.Masked {
		addr = fmt.Sprintf("198.19.%d.%d:%s", 128+w.next%4, 1+w.next%200, port)
	}
	if w.o.NoUsers {
		user = ""
	}
	fd := w.freeFD()
	c := &conn{
		Session: Session{
			ID: strconv.FormatInt(w.next, 10), Addr: addr, Peer: peer, Name: name, Cmd: "NULL", Flags: "N",
			FD: strconv.Itoa(fd), DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc", User: user,
		},
		born: w.now, active: w.now, fd: fd, group: group,
	}
	w.conns = append(w.conns, c)
	return c
}

// freeFD returns the lowest free file descriptor.
func (w *Workload) freeFD() int {
	used := make([]bool, firstFD+len(w.conns)+1)
	for _, c := range w.conns {
		if c.fd < len(used) {
			used[c.fd] = true
		}
	}
	return firstFD + slices.Index(used[firstFD:], false)
}

// of returns the connections of a group, oldest first.
func (w *Workload) of(group string) []*conn {
	var out []*conn
	for _, c := range w.conns {
		if c.group == group {
			out = append(out, c)
		}
	}
	return out
}

// closeAll closes the connections of a group.
func (w *Workload) closeAll(group string) {
	w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return c.group == group })
}
