package aggregate

import (
	"slices"
	"time"
)

// Churn is how many sessions have come and gone on a node since its first list.
type Churn struct {
	Opened   int64 // on a list and not on the one before: a lower bound
	Closed   int64 // no longer on a list: a lower bound
	Accepted int64 // connections, by how far ids have risen where they are numbers that rise; at least Opened
}

const (
	// rounding is by how many seconds the ages of two lists may disagree.
	rounding = 2
	// maxAcceptRate is more connections per second than a node can accept: ids
	// that rise faster do not count connections.
	maxAcceptRate = 100_000
	// maxLateness bounds by how much the API's clock may say that more time has
	// passed between two lists than there was between reading them.
	maxLateness = 10 * time.Minute
)

// ChurnTracker compares each list of a node with the one before. It keeps 8 bytes
// per session. The zero value has no list yet. It is not safe for concurrent use.
type ChurnTracker struct {
	Churn
	begun   bool
	ids     []uint64  // of the last list, rising
	taken   time.Time // when it was taken, by the API; zero if it did not say
	read    time.Time // when it was read, by our clock
	highest uint64    // decimal id of a session that this process of the node has had, 0 if none was seen
}

// Sessions returns how many sessions the last list had, 0 before the first.
func (c *ChurnTracker) Sessions() int { return len(c.ids) }

// Observe compares a list with the one before and adds what has changed to Churn;
// the first list counts nothing. A session that has the id of one before, but is
// too young to be the same, counts as closed and opened. taken is when the list was
// taken, by the API's clock, zero if that is not known; read is when it was read,
// by the local clock. Nothing may be added to list afterwards.
func (c *ChurnTracker) Observe(list *SessionSet, taken, read time.Time) {
	list.close()
	newest := uint64(0)
	for s := range list.byKey() {
		if s.key < hashed {
			newest = s.key
		}
	}
	if c.begun {
		short, long := c.gap(taken, read)
		d := c.compare(list, short, long)
		c.Opened += d.opened
		c.Closed += int64(len(c.ids)) - d.survivors
		switch {
		case d.survivors == 0 && d.misfits > 0: // another process: all that it has is new
			c.Accepted += d.opened
			c.highest = 0
		case c.highest == 0, newest <= c.highest, d.below > 0, float64(newest-c.highest) > maxAcceptRate*long:
			c.Accepted += d.opened // the ids do not tell of more
		default:
			c.Accepted += max(d.opened, int64(newest-c.highest))
		}
	}
	if cap(c.ids) > 2*list.Len() {
		c.ids = nil // the list was much longer
	}
	c.ids = slices.Grow(c.ids[:0], list.Len())
	for s := range list.byKey() {
		c.ids = append(c.ids, s.key)
	}
	c.begun, c.taken, c.read = true, taken, read
	c.highest = max(c.highest, newest)
}

// gap returns how many seconds at least, and at most, lie between the last
// list and one that was taken and read at the given times. The API's clock may
// have jumped, and a list may have been read up to maxLateness after it was
// taken.
func (c *ChurnTracker) gap(taken, read time.Time) (short, long float64) {
	short = read.Sub(c.read).Seconds()
	long = short
	if !taken.IsZero() && !c.taken.IsZero() {
		byAPI := taken.Sub(c.taken).Seconds()
		short, long = min(short, byAPI), max(long, min(byAPI, long+maxLateness.Seconds()))
	}
	return max(0, short), max(0, long) + 1
}

// difference is what one list has to do with the next.
type difference struct {
	survivors int64 // sessions on both
	opened    int64 // sessions on the later one only
	below     int64 // of these, those whose id is not above the highest before
	misfits   int64 // sessions that no process would have that had the earlier list
}

// compare compares the last list with the one after it, which was taken so many
// seconds later, at least and at most.
func (c *ChurnTracker) compare(list *SessionSet, short, long float64) difference {
	var d difference
	old := c.ids
	for session := range list.byKey() {
		id, age := session.key, session.age
		young := age != noAge && float64(age)+rounding <= short
		for len(old) > 0 && old[0] < id {
			old = old[1:]
		}
		known := len(old) > 0 && old[0] == id
		if known && !young {
			d.survivors++
			continue
		}
		d.opened++
		if id >= hashed || c.highest == 0 {
			continue
		}
		switch {
		case id <= c.highest && young:
			d.below++
			d.misfits++
		case id <= c.highest:
			d.below++
		case age != noAge && float64(age) > long+rounding:
			d.misfits++
		}
	}
	return d
}
