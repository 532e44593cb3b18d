package reader

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dcs_session_exporter/dcsapi"
)

// mostHidden is how many sessions a list may hide, besides as many as it shows,
// without a warning: the console's web CLI has a few.
const mostHidden = 20

// warnings returns what went wrong although the node was read, at most one of
// each reason: how its last scan failed, and what its list lacks.
func (n *node) warnings() []error {
	var all []error
	if n.scanError != nil {
		all = append(all, n.scanError)
	}
	warn := func(reason dcsapi.Reason, message string) {
		all = append(all, n.fails("list sessions of node", reason, message))
	}
	if n.lost > 0 {
		warn(dcsapi.ReasonDecode, fmt.Sprintf("%d of %d sessions cannot be read: the answer is too large even for a single one. Look for a client with a huge name", n.lost, n.last.Sessions+int64(n.lost)))
	}
	if hidden := n.last.Reported - n.last.Sessions - int64(n.lost); hidden > n.last.Sessions+mostHidden {
		warn(dcsapi.ReasonInconsistent, fmt.Sprintf("the API counts %d sessions and lists %d: more are hidden than shown", n.last.Reported, n.last.Sessions))
	}
	if n.last.Taken.IsZero() {
		warn(dcsapi.ReasonUndated, "the API does not say when the list was taken ("+dcsapi.Page{Time: n.lastTime}.TimeProblem()+
			"): its age is not known, and max_snapshot_age cannot be kept. Please open an issue with this line: no such answer is documented")
	}
	return all
}

// stale is why the last list, which the API gave just now, is not usable.
func (n *node) stale(o *Options) error {
	message := fmt.Sprintf("the list is %s old, more than max_snapshot_age (%s): nobody scans the node, or its scans fail",
		n.lastAge.Round(time.Second), o.MaxSnapshotAge)
	if n.lastAge < -maxAhead {
		message = fmt.Sprintf("the list's \"time\" is %s, which is %s ahead of %s: one of the two clocks is wrong, or the API writes its local time as UTC. Correct the clock, or accept lists of any age with max_snapshot_age: 0s",
			n.last.Taken.UTC().Format(time.RFC3339), (-n.lastAge).Round(time.Second), n.lastClock)
	}
	return n.fails("list sessions of node", dcsapi.ReasonStale, message)
}

// explain returns why the node's list could not be read: if that is because
// its scan failed, the scan's error, with err as its consequence.
func (n *node) explain(err error) error {
	scan, failed := errors.AsType[*dcsapi.Error](n.scanError)
	list, ok := errors.AsType[*dcsapi.Error](err)
	if !failed || !ok {
		return err
	}
	neverTaken := n.last == nil && list.Status == http.StatusInternalServerError
	if !neverTaken && list.Reason != dcsapi.ReasonStale {
		return err
	}
	cause := *scan
	cause.Message = strings.TrimRight(scan.Message, ". ")
	cause.Err = fmt.Errorf("so the node has no list that can be used: %w", err)
	if scan.Err != nil {
		cause.Err = fmt.Errorf("%w; %w", scan.Err, cause.Err)
	}
	return &cause
}
