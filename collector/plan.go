package collector

import (
	"time"

	"dcs_session_exporter/dcsapi"
)

// plan is what planning a scrape must know of a node.
type plan struct {
	asked   time.Time // when the API was asked about it last, zero if never
	scanned time.Time // when it was scanned last, zero if never
	seen    bool      // the time of its list is known
	pages   int       // of its last list, at least 1
}

// planned returns the node's plan after a reading that ended with err; n.mu is
// held, and so is the reading's turn.
func (n *node) planned(err error) plan {
	p := plan{asked: n.plan.asked, scanned: n.scanned, seen: n.knowsList(), pages: n.lastSize}
	if !dcsapi.Unsent(err) {
		p.asked = time.Now()
	}
	return p
}
