package main

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// mostConnections is the maximum number of client connections, even if more
// file descriptors are available. A Prometheus server keeps one connection per
// target.
const mostConnections = 2048

// connections limits the number of client connections. Above the limit it
// closes the connection that has been idle longest, or else the one that has
// waited longest without sending a request, or else the new one. Requests in
// progress continue.
type connections struct {
	limit  int
	logger log.Logger

	mu     sync.Mutex
	open   map[net.Conn]connection
	logged time.Time // when the last warning was logged
}

// connection is the state of a client's connection, and the time it began.
type connection struct {
	state http.ConnState
	since time.Time
}

func newConnections(limit int, logger log.Logger) *connections {
	return &connections{limit: limit, logger: logger, open: make(map[net.Conn]connection)}
}

// observe implements the ConnState hook of http.Server.
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
		return // already chosen to be closed
	}
	c.open[conn] = connection{state, time.Now()}
	if state != http.StateNew || len(c.open) <= c.limit {
		return
	}
	if time.Since(c.logged) > time.Minute {
		c.logged = time.Now()
		level.Warn(c.logger).Log("msg", "too many connections: closing those without a request", "limit", c.limit)
	}
	victim := c.leastNeeded(conn)
	delete(c.open, victim)
	_ = victim.Close()
}

// leastNeeded returns the connection to close: latest, if all others have
// requests in progress. c.mu must be held.
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
