package collector

import (
	"maps"
	"slices"
	"sync"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"

	"github.com/go-kit/log/level"
)

// unusedAfter is after how long a group that matches nothing is reported.
const unusedAfter = 24 * time.Hour

// groupUse remembers when each group last had sessions, or was first seen. The zero
// value remembers nothing. It is safe for concurrent use.
type groupUse struct {
	mu       sync.Mutex
	last     map[string]time.Time // by group
	reported map[string]time.Time // when the log last named it
}

// observe notes the groups that have sessions in a result. It reports whether a node
// was read at all.
func (u *groupUse) observe(groups *aggregate.Groups, r *exposition.Result, now time.Time) (read bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if groups == nil {
		clear(u.last)
		clear(u.reported) // a scrape by the configuration before may still write to it
		return false
	}
	if u.last == nil {
		u.last, u.reported = make(map[string]time.Time), make(map[string]time.Time)
	}
	for _, name := range groups.Names() {
		if _, ok := u.last[name]; !ok {
			u.last[name] = now
		}
	}
	for s := range r.Snapshots() {
		read = true
		for _, name := range s.UsedGroups {
			u.last[name] = now
		}
	}
	u.forget(groups)
	return read
}

// forget forgets the groups that the configuration had before: one that comes back
// is new. u.mu must be held.
func (u *groupUse) forget(groups *aggregate.Groups) {
	if len(u.last) == len(groups.Names()) {
		return // they are the same
	}
	known := make(map[string]bool)
	for _, name := range groups.Names() {
		known[name] = true
	}
	gone := func(name string, _ time.Time) bool { return !known[name] }
	maps.DeleteFunc(u.last, gone)
	maps.DeleteFunc(u.reported, gone)
}

// unused returns the groups that have had no sessions for unusedAfter, in the order
// of their rules.
func (u *groupUse) unused(groups *aggregate.Groups, now time.Time) []string {
	if groups == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(groups.Names()), func(name string) bool {
		last, ok := u.last[name]
		return name == aggregate.Ungrouped || !ok || now.Sub(last) < unusedAfter
	})
}

// UnusedGroups returns the client groups that have had no sessions for a day by any
// scrape, in the order of their rules. The day begins with the first scrape by this
// collector, or by those before it, that knew the group.
func (c *Collector) UnusedGroups() []string {
	return c.groups.unused(c.options.Aggregate.Groups, time.Now())
}

// Groups returns the configured client groups, nil for none.
func (c *Collector) Groups() *aggregate.Groups { return c.options.Aggregate.Groups }

// Address returns the configured form of client addresses in metrics, and which
// field of a session they come from.
func (c *Collector) Address() aggregate.AddressOptions { return c.options.Aggregate.Address }

// reportGroups notes the groups of a result, and logs those that match nothing: each
// once a day.
func (c *Collector) reportGroups(r *exposition.Result) {
	now, groups := time.Now(), c.options.Aggregate.Groups
	if !c.groups.observe(groups, r, now) {
		return
	}
	for _, name := range c.groups.unused(groups, now) {
		if c.groups.report(name, now) {
			level.Warn(c.options.Logger).Log("msg", "a client group has had no sessions for a day: correct its rules under client_groups, or remove it", "group", name)
		}
	}
}

// report reports whether it is time to log a group again.
func (u *groupUse) report(name string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.reported[name]; ok && now.Sub(last) < unusedAfter {
		return false
	}
	u.reported[name] = now
	return true
}
