package emulator

const (
	leakEvery = 7     // seconds from one leaked connection to the next
	leakMost  = 500   // connections after which the leaking host restarts
	slowNode  = 16408 // bytes per object of the output list
)

// slowness is how the output buffer of a client that reads too slowly grows, and
// when it is gone.
type slowness struct {
	group, user, host, name, cmd, flags string

	cycle, climb int64 // seconds from one to the next, and for which the buffer grows
	most         int64 // bytes at the end of the climb
}

// The slow clients of the three classes. Redis never disconnects an ordinary one;
// a subscriber is disconnected at 32 MiB, or a minute after it has passed 8; the
// replica catches up shortly before its limits, 256 MiB or a minute above 64.
var (
	slowReader     = slowness{"slow", "feed", "10.20.8.8", "feed-export", "lrange", "N", 360, 300, 600 << 20}
	slowSubscriber = slowness{"slow subscriber", "notify", "10.20.8.9", "notify-mobile", "subscribe", "P", 120, 80, 32 << 20}
	slowReplica    = slowness{"replica", "default", "10.20.0.3", "", "replconf", "S", 160, 80, 240 << 20}
)

// leak opens another connection that stays idle forever. After leakMost of them
// the leaking host restarts and begins again.
func (w *Workload) leak() {
	if len(w.of("leak")) >= leakMost {
		w.closeAll("leak")
	}
	c := w.open("leak", "inventory", "10.20.7.66", "inventory-sync")
	c.Cmd, c.DB = "get", "3"
}

// forget opens two consoles that nobody has used for days.
func (w *Workload) forget() {
	for i, hours := range []int64{100, 75} {
		c := w.open("console", "default", "10.20.9.90", "")
		c.born = w.now - hours*3600
		c.active = c.born + 600
		c.Cmd = []string{"info", "hgetall"}[i]
		w.next += 400
	}
}

// readSlowly lets the output buffer of a slow client grow. It is gone, or has
// caught up if it is a replica, until the cycle begins again.
func (w *Workload) readSlowly(s *slowness) {
	at := w.now % s.cycle
	replica := s.flags == "S"
	if at > s.climb && !replica {
		w.closeAll(s.group)
		return
	}
	slow := w.of(s.group)
	if len(slow) == 0 {
		slow = []*conn{w.open(s.group, s.user, s.host, s.name)}
	}
	c := slow[0]
	c.Cmd, c.Flags, c.active = s.cmd, s.flags, w.now
	if at > s.climb {
		c.OMem, c.OLL, c.OBL, c.Events = 0, 0, 0, "r"
		return
	}
	if s.flags == "P" {
		c.Sub = 1
	}
	c.OMem = s.most * at / s.climb
	c.OLL = 1 + c.OMem/slowNode
	c.OBL, c.Events = 16384, "rw"
}
