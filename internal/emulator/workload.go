package emulator

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// WorkloadOptions say what moves on a node.
type WorkloadOptions struct {
	Seed  uint64
	Scale float64 // size of the connection pools; 1 is about 120 sessions

	Leak       bool // one host opens connections that it never closes
	SlowReader bool // one client's output memory climbs until it is cut off
	PubSub     bool // subscribers
	Workers    bool // workers that block on lists
	Monitor    bool // now and then somebody watches with MONITOR
	Replica    bool // a replica is connected
	Masked     bool // clients come through a VPC endpoint, which hides their addresses
	NoUsers    bool // no ACL users, as before Redis 6
}

const (
	workloadPast    = 15 * time.Minute // how long it has moved when it is first looked at
	workloadCatchUp = time.Hour        // it starts anew when it was not looked at for longer
	leakEvery       = 7                // seconds from one leaked connection to the next
	leakMost        = 500              // then the leaking host is restarted
	slowCycle       = 240              // seconds from one slow reader to the next
	slowClimb       = 180              // seconds in which it climbs
	slowLimit       = 256 << 20        // bytes at which Redis cuts it off
	monitorCycle    = 300              // seconds
	monitorLasts    = 60               // seconds
)

// Workload is a source of invented sessions that move as those of a real node
// do: pools breathe, one host leaks, one client reads too slowly, workers wait,
// short-lived connections come and go. It is made by NewWorkload and moves as
// far as the clock has when it is looked at; the same seed and times give the
// same sessions.
type Workload struct {
	o WorkloadOptions

	mu    sync.Mutex
	rng   *rand.Rand
	now   int64 // seconds; 0 before the first look
	next  int64 // the next connection's id
	conns []*conn
}

// conn is one connection.
type conn struct {
	Session
	born, active int64 // seconds
	group        string
	dies         int64   // when it is closed, 0 for not by age
	busy         float64 // how likely it is active in a second
}

// pool is an application with a connection pool on some hosts.
type pool struct {
	user, name  string
	hosts, size int
	swing       float64 // part of the size that comes and goes
	period      float64 // seconds
	commands    []string
	db          string
	busy        float64
	ipv6        string // prefix of its hosts' addresses, "" for IPv4
	subnet      int
}

var pools = []pool{
	{user: "orders", name: "orders-api", hosts: 4, size: 48, swing: .35, period: 180, commands: []string{"get", "set", "hgetall", "expire"}, db: "0", busy: .5, subnet: 1},
	{user: "payments", name: "payments", hosts: 2, size: 20, swing: .2, period: 300, commands: []string{"eval", "get", "set"}, db: "0", busy: .3, subnet: 2},
	{user: "sessions", name: "web", hosts: 6, size: 36, swing: .5, period: 120, commands: []string{"get", "setex", "del"}, db: "1", busy: .6, subnet: 3},
	{user: "reporting", name: "", hosts: 1, size: 6, swing: .9, period: 240, commands: []string{"zrange", "scan", "info"}, db: "2", busy: .05, ipv6: "2001:db8:0:4::", subnet: 4},
}

// NewWorkload returns a workload that has not moved yet.
func NewWorkload(o WorkloadOptions) *Workload {
	if o.Scale == 0 {
		o.Scale = 1
	}
	return &Workload{o: o}
}

// Sessions implements Source.
func (w *Workload) Sessions(_ context.Context, now time.Time) ([]Session, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := now.Unix()
	if w.now == 0 || t-w.now > int64(workloadCatchUp.Seconds()) {
		w.rng = rand.New(rand.NewPCG(w.o.Seed, 1))
		w.conns = nil
		w.next = max(w.next, 11_000) // ids never go back
		w.now = t - int64(workloadPast.Seconds())
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
	slices.SortFunc(out, func(a, b Session) int { return int(number(a.ID) - number(b.ID)) })
	return out, "", nil
}

// step moves everything by a second.
func (w *Workload) step() {
	w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return c.dies != 0 && c.dies <= w.now })
	for i := range pools {
		w.breathe(&pools[i], i)
	}
	w.churn()
	if w.o.Leak {
		w.leak()
	}
	if w.o.SlowReader {
		w.slowReader()
	}
	w.standing()
	for _, c := range w.conns {
		if c.busy > 0 && w.rng.Float64() < c.busy {
			c.active = w.now
			c.Cmd = c.pick(w.rng)
			w.touch(c)
		}
	}
}

// pick returns the command that a pooled connection runs.
func (c *conn) pick(rng *rand.Rand) string {
	for i := range pools {
		if pools[i].user == c.group {
			return pools[i].commands[rng.IntN(len(pools[i].commands))]
		}
	}
	return c.Cmd
}

// touch gives a connection the marks of a command that runs.
func (w *Workload) touch(c *conn) {
	c.Flags, c.Multi, c.QBuf, c.QBufFree, c.Events = "N", -1, 0, 20474, "r"
	switch p := w.rng.Float64(); {
	case p < .02:
		c.Flags, c.Multi, c.Cmd = "x", 1+w.rng.Int64N(5), "multi"
	case p < .10:
		c.QBuf = 26 + w.rng.Int64N(2000)
		c.QBufFree = max(0, 20474-c.QBuf)
	case p < .12:
		c.OLL, c.OMem, c.Events = 1, 20504, "rw"
		return
	}
	c.OLL, c.OMem = 0, 0
}

// open accepts a connection.
func (w *Workload) open(group, user, host, name string) *conn {
	w.next++
	port := strconv.Itoa(32768 + int(w.next*7919%28000))
	addr := host + ":" + port
	peer := addr
	if w.o.Masked {
		addr = fmt.Sprintf("198.19.%d.%d:%s", 128+w.next%4, 1+w.next%200, port)
	}
	if w.o.NoUsers {
		user = ""
	}
	c := &conn{
		Session: Session{
			ID: strconv.FormatInt(w.next, 10), Addr: addr, Peer: peer, Name: name, Cmd: "NULL", Flags: "N",
			FD: strconv.Itoa(8 + len(w.conns)), DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc", User: user,
		},
		born: w.now, active: w.now, group: group,
	}
	w.conns = append(w.conns, c)
	return c
}

// of returns the connections of a group, the oldest first.
func (w *Workload) of(group string) []*conn {
	var out []*conn
	for _, c := range w.conns {
		if c.group == group {
			out = append(out, c)
		}
	}
	return out
}

// close ends a connection.
func (w *Workload) close(c *conn) {
	w.conns = slices.DeleteFunc(w.conns, func(o *conn) bool { return o == c })
}

// breathe lets a pool follow its load.
func (w *Workload) breathe(p *pool, index int) {
	phase := float64(w.o.Seed%97) + float64(index)*40
	wave := 1 + p.swing*math.Sin(2*math.Pi*(float64(w.now)+phase)/p.period)
	want := int(math.Round(float64(p.size) * w.o.Scale * wave))
	have := w.of(p.user)
	for n := len(have); n < want; n++ {
		host := fmt.Sprintf("10.20.%d.%d", p.subnet, 11+w.rng.IntN(p.hosts))
		if p.ipv6 != "" {
			host = "[" + p.ipv6 + strconv.Itoa(11+w.rng.IntN(p.hosts)) + "]"
		}
		c := w.open(p.user, p.user, host, p.name)
		c.DB, c.busy = p.db, p.busy
	}
	for n := len(have); n > want; n-- {
		w.close(have[len(have)-1-(len(have)-n)])
	}
}

// churn opens connections that live a second or two: a script that connects
// for each command, as the default user.
func (w *Workload) churn() {
	for range w.rng.IntN(4) {
		w.next += w.rng.Int64N(3) // some come and go between two seconds
		c := w.open("cron", "default", "10.20.9.5", "")
		c.Cmd, c.dies = "ping", w.now+1+w.rng.Int64N(2)
	}
}

// leak opens connections that stay idle for ever.
func (w *Workload) leak() {
	if w.now%leakEvery != 0 {
		return
	}
	leaked := w.of("leak")
	if len(leaked) >= leakMost {
		w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return c.group == "leak" })
	}
	c := w.open("leak", "inventory", "10.20.7.66", "inventory-sync")
	c.Cmd, c.DB = "get", "3"
}

// slowReader lets one client's output memory climb until Redis cuts it off.
func (w *Workload) slowReader() {
	at := w.now % slowCycle
	slow := w.of("slow")
	if at > slowClimb {
		for _, c := range slow {
			w.close(c)
		}
		return
	}
	if len(slow) == 0 {
		c := w.open("slow", "feed", "10.20.8.8", "feed-export")
		c.Cmd = "lrange"
		slow = []*conn{c}
	}
	c := slow[0]
	c.OMem = slowLimit * at / slowClimb
	c.OLL = c.OMem / 16408
	c.OBL, c.Events = 16384, "rw"
}

// standing keeps those connected that are always there, and lets the one who
// monitors come and go.
func (w *Workload) standing() {
	once := func(want bool, group string, n int, f func(i int) *conn) {
		have := w.of(group)
		if !want {
			for _, c := range have {
				w.close(c)
			}
			return
		}
		for i := len(have); i < n; i++ {
			f(i)
		}
	}
	once(w.o.Replica, "replica", 1, func(int) *conn {
		c := w.open("replica", "default", "10.20.0.3", "")
		c.Cmd, c.Flags = "replconf", "S"
		return c
	})
	once(w.o.PubSub, "pubsub", 6, func(i int) *conn {
		c := w.open("pubsub", "notify", fmt.Sprintf("10.20.5.%d", 11+i%2), "notifier")
		c.Cmd, c.Flags, c.Sub, c.PSub = "subscribe", "P", int64(1+i%3), int64(i%2)
		return c
	})
	once(w.o.Workers, "worker", 8, func(i int) *conn {
		c := w.open("worker", "worker", fmt.Sprintf("10.20.6.%d", 11+i%4), fmt.Sprintf("worker-%d", i))
		c.Cmd, c.Flags = "brpop", "b"
		return c
	})
	once(w.o.Monitor && w.now%monitorCycle < monitorLasts, "monitor", 1, func(int) *conn {
		c := w.open("monitor", "default", "10.20.9.77", "")
		c.Cmd, c.Flags = "monitor", "O"
		return c
	})
	for _, c := range w.of("replica") {
		c.active = w.now
	}
	for _, c := range w.of("worker") {
		if w.rng.Float64() < .1 {
			c.active = w.now // it got an element and waits again
		}
	}
}
