package emulator

const (
	leakEvery = 7         // seconds from one leaked connection to the next
	leakMost  = 500       // connections after which the leaking host restarts
	slowCycle = 240       // seconds from one slow reader to the next
	slowClimb = 180       // seconds for which its buffer grows
	slowLimit = 256 << 20 // bytes at which Redis disconnects it
	slowNode  = 16408     // bytes per object of the output list
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

// readSlowly lets one client's output buffer grow until Redis disconnects it. It
// comes back a minute later.
func (w *Workload) readSlowly() {
	at := w.now % slowCycle
	if at > slowClimb {
		w.closeAll("slow")
		return
	}
	slow := w.of("slow")
	if len(slow) == 0 {
		c := w.open("slow", "feed", "10.20.8.8", "feed-export")
		c.Cmd = "lrange"
		slow = []*conn{c}
	}
	c := slow[0]
	c.OMem = slowLimit * at / slowClimb
	c.OLL = 1 + c.OMem/slowNode
	c.OBL, c.Events = 16384, "rw"
}
