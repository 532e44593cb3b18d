package main

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// mostConnections is how many clients may be connected where descriptors are
// plenty. A Prometheus server keeps a connection for each target.
const mostConnections = 2048

// connectionLimit returns how many clients may be connected: half of the
// process's descriptors. The others are for the API and for files.
func connectionLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return mostConnections
	}
	return int(max(8, min(limit.Cur/2, mostConnections)))
}

// connections bounds how many clients are connected. Of too many, the one that
// has been idle longest is closed, else the one that has sent no request for
// longest, else the new one: requests under way go on.
type connections struct {
	limit  int
	logger log.Logger

	mu     sync.Mutex
	open   map[net.Conn]connection
	logged time.Time // when it was last said that there are too many
}

// connection is what a client's connection does, and since when.
type connection struct {
	state http.ConnState
	since time.Time
}

func newConnections(limit int, logger log.Logger) *connections {
	return &connections{limit: limit, logger: logger, open: make(map[net.Conn]connection)}
}

// observe is an http.Server's ConnState.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // closing it does not wait for the client
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(c.open, conn)
		return
	}
	if _, there := c.open[conn]; !there && state != http.StateNew {
		return // it is being closed
	}
	c.open[conn] = connection{state, time.Now()}
	if state != http.StateNew || len(c.open) <= c.limit {
		return
	}
	if time.Since(c.logged) > time.Minute {
		c.logged = time.Now()
		level.Warn(c.logger).Log("msg", "too many connections: those without a request are closed", "limit", c.limit)
	}
	victim := c.leastNeeded(conn)
	delete(c.open, victim)
	_ = victim.Close()
}

// leastNeeded returns the connection to close, which is latest where all others
// have requests under way; c.mu must be held.
func (c *connections) leastNeeded(latest net.Conn) net.Conn {
	needed := func(state http.ConnState) int {
		switch state {
		case http.StateIdle:
			return 0
		case http.StateNew:
			return 1
		default:
			return 2
		}
	}
	victim, least := latest, c.open[latest]
	for conn, is := range c.open {
		if cmp.Or(cmp.Compare(needed(is.state), needed(least.state)), is.since.Compare(least.since)) < 0 {
			victim, least = conn, is
		}
	}
	return victim
}
