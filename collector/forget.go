package collector

import (
	"cmp"
	"slices"
	"time"
)

// lastListed is when something was on a list of the API's last, zero for
// never. It is guarded by the lock of the map that holds the thing.
type lastListed struct{ listedAt time.Time }

// listed returns the time for reading and writing.
func (l *lastListed) listed() *time.Time { return &l.listedAt }

// keep returns how long something is remembered that lists lack: one list may
// be wrong, and what is remembered holds counters and places in top lists.
func (o *Options) keep() time.Duration {
	keep := 3 * o.DiscoveryInterval
	if o.Aggregate != nil {
		keep = max(keep, o.Aggregate.Limits.Hold)
	}
	return keep
}

// minKept is how many things are remembered at least that lists lack.
const minKept = 16

// forget drops from a map what was not listed for a time. there reports what is
// listed now; of the rest at most as many stay as were listed, or minKept if
// that is more: those that were listed last.
func forget[T interface{ listed() *time.Time }](known map[string]T, listed int, keep time.Duration, there func(id string) bool) {
	now := time.Now()
	var gone []string
	for id, thing := range known {
		at := thing.listed()
		switch {
		case there(id), at.IsZero():
			*at = now
		case now.Sub(*at) > keep:
			delete(known, id)
			continue
		}
		if !there(id) {
			gone = append(gone, id)
		}
	}
	most := max(listed, minKept)
	if len(gone) <= most {
		return
	}
	slices.SortFunc(gone, func(a, b string) int {
		return cmp.Or(known[b].listed().Compare(*known[a].listed()), cmp.Compare(a, b))
	})
	for _, id := range gone[most:] {
		delete(known, id)
	}
}

// forget drops what is remembered of nodes that are read no more. They may come
// back: they stay for a time.
func (i *instance) forget(read []string, keep time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	listed := make(map[string]bool, len(read))
	for _, id := range read {
		listed[id] = true
	}
	forget(i.known, len(read), keep, func(id string) bool { return listed[id] })
}
