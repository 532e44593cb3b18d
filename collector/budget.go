package collector

import "time"

// The phases of a scrape end at these parts of its time.
const (
	detailsPart   = 0.25 // waiting for the first list of instances where all are configured
	instancesPart = 0.5  // waiting for it where it decides what to read
	nodesPart     = 0.6  // waiting for the first lists of nodes
	newScansPart  = 0.1  // new nodes are scanned before the others begin
	scansPart     = 0.8  // scanning, and waiting for new lists
	waitPart      = 0.4  // how much of a scrape's time a new list is waited for
)

// budget says when the phases of one scrape end. It is worked out once, when the
// scrape begins.
type budget struct {
	details   time.Time     // the list of instances is no longer waited for if all are configured,
	instances time.Time     // or if they are discovered
	nodes     time.Time     // lists of nodes are no longer waited for
	newScans  time.Time     // the scans of new nodes are no longer waited for by the others
	scans     time.Time     // scans are answered; lists are read, new or not
	wait      time.Duration // how long a new list is waited for
	end       time.Time
}

// newBudget returns the budget of a scrape; wait is how long a new list is waited
// for if there is time enough.
func newBudget(start, end time.Time, wait time.Duration) *budget {
	all := end.Sub(start)
	after := func(part float64) time.Time { return start.Add(time.Duration(part * float64(all))) }
	return &budget{
		details: after(detailsPart), instances: after(instancesPart), nodes: after(nodesPart),
		newScans: after(newScansPart), scans: after(scansPart), end: end,
		wait: min(wait, time.Duration(waitPart*float64(all))),
	}
}
