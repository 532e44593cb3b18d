package emulator

import (
	"fmt"
	"strconv"
)

const (
	monitorCycle = 300 // seconds from one MONITOR to the next
	monitorLasts = 60  // seconds
)

// stand maintains the permanent connections, and lets the MONITOR session come
// and go.
func (w *Workload) stand() {
	w.keep(w.o.Replica, "replica", 1, func(int) {
		c := w.open("replica", "default", "10.20.0.3", "")
		c.Cmd, c.Flags, c.busy = "replconf", "S", 1
	})
	w.keep(w.o.Master, "master", 1, func(int) {
		c := w.open("master", "", "10.20.0.2", "")
		c.Cmd, c.Flags, c.busy = "ping", "M", .8
	})
	w.keep(w.o.PubSub, "pubsub", 6, func(i int) {
		c := w.open("pubsub", "notify", fmt.Sprintf("10.20.5.%d", 11+i%2), "notifier")
		c.Flags = "P"
		c.Cmd, c.Sub, c.PSub = "subscribe", int64(1+i%3), 0
		if i%2 == 1 {
			c.Cmd, c.PSub = "psubscribe", 1
		}
	})
	w.keep(w.o.Workers, "worker", 8, func(i int) {
		c := w.open("worker", "worker", fmt.Sprintf("10.20.6.%d", 11+i%4), "worker-"+strconv.Itoa(i))
		c.Flags, c.busy = "b", .1 // it receives an element and blocks again
		c.Cmd = []string{"brpop", "blpop"}[i%2]
	})
	w.keep(w.o.Monitor && w.now%monitorCycle < monitorLasts, "monitor", 1, func(int) {
		c := w.open("monitor", "default", "10.20.9.77", "")
		c.Cmd, c.Flags = "monitor", "O"
	})
}

// keep ensures that a group has at least n connections, or none if not wanted.
func (w *Workload) keep(wanted bool, group string, n int, open func(i int)) {
	if !wanted {
		w.closeAll(group)
		return
	}
	for i := len(w.of(group)); i < n; i++ {
		open(i)
	}
}
