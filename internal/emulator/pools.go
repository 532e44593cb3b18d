package emulator

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// pool is an application with a connection pool on one or more hosts.
type pool struct {
	user, name string
	hosts      []string
	size       float64
	swing      float64 // fraction of the size that varies
	period     float64 // seconds from one peak to the next
	commands   []string
	db         string
	busy       float64 // probability per second that a connection is active
}

// poolsOf returns the pools of a workload: the applications', or those of the
// proxies in front of the node.
func poolsOf(o WorkloadOptions) []pool {
	if len(o.Proxies) > 0 {
		return []pool{{
			user: "default", hosts: o.Proxies, size: float64(3 * len(o.Proxies)), swing: .2, period: 200,
			commands: []string{"get", "set", "hgetall", "ping"}, db: "0", busy: .8,
		}}
	}
	return []pool{
		{
			user: "orders", name: "orders-api", hosts: hosts("10.20.1.%d", 4), size: 48 * o.Scale, swing: .35, period: 180,
			commands: []string{"get", "set", "hgetall", "expire"}, db: "0", busy: .5,
		},
		{
			user: "payments", name: "payments", hosts: hosts("10.20.2.%d", 2), size: 20 * o.Scale, swing: .2, period: 300,
			commands: []string{"eval", "get", "set"}, db: "0", busy: .3,
		},
		{
			user: "sessions", name: "web", hosts: hosts("10.20.3.%d", 6), size: 36 * o.Scale, swing: .5, period: 120,
			commands: []string{"get", "setex", "del"}, db: "1", busy: .6,
		},
		{
			user: "reporting", hosts: hosts("[2001:db8:0:4::%d]", 1), size: 6 * o.Scale, swing: .9, period: 240,
			commands: []string{"zrange", "scan", "info"}, db: "2", busy: .05,
		},
	}
}

// hosts returns the addresses of n hosts.
func hosts(pattern string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(pattern, 11+i)
	}
	return out
}

// breathe adapts a pool to its load: it opens missing connections, and closes the
// youngest ones if there are too many.
func (w *Workload) breathe(p *pool, index int) {
	phase := float64(w.o.Seed%97) + float64(index)*40
	wave := 1 + p.swing*math.Sin(2*math.Pi*(float64(w.now)+phase)/p.period)
	group := "pool " + strconv.Itoa(index)
	want, have := int(math.Round(p.size*wave)), w.of(group)
	for range want - len(have) {
		c := w.open(group, p.user, p.hosts[w.rng.IntN(len(p.hosts))], p.name)
		c.DB, c.busy, c.commands = p.db, p.busy, p.commands
	}
	if len(have) > want {
		surplus := have[want:]
		w.conns = slices.DeleteFunc(w.conns, func(c *conn) bool { return slices.Contains(surplus, c) })
	}
}

// agePools gives the connections of all pools ages of up to three days. The
// lowest id is the oldest.
func (w *Workload) agePools() {
	const longest = 3 * 24 * 3600
	n := float64(len(w.conns))
	for i, c := range w.conns {
		if c.commands != nil {
			c.born = w.now - int64(longest*math.Pow(1-float64(i)/n, 4))
		}
	}
}

// churn opens connections that last a second or two, like a script that connects
// as the default user for each command.
func (w *Workload) churn() {
	for range w.rng.IntN(4) {
		w.next += w.rng.Int64N(3) // some open and close within a second
		c := w.open("cron", "default", "10.20.9.5", "")
		c.Cmd, c.dies = "ping", w.now+1+w.rng.Int64N(2)
	}
}
