package reader

import (
	"context"
	"fmt"
	"time"
)

// ScanState is what is known of a node's scans.
type ScanState struct {
	Off         bool          // scan.mode is off: the node is never scanned
	MinInterval time.Duration // between the starts of two scans
	At          time.Time     // when the last scan was started that is known of; zero for none
	DueIn       time.Duration // how long until the node can be scanned again if Off is false, 0 for now
}

// ScanState returns what is known of a node's scans, without a reading or scan that
// is under way. It does not wait.
func (r *Reader) ScanState(instanceID, nodeID string) ScanState {
	o := &r.options.Scan
	s := ScanState{Off: o.Off, MinInterval: o.MinInterval, At: r.NodeState(instanceID, nodeID).ScannedAt}
	if !s.At.IsZero() {
		s.DueIn = max(0, o.MinInterval-time.Since(s.At))
	}
	return s
}

// ScanOffError says that the configuration turns scans off.
type ScanOffError struct{}

// Error implements error.
func (ScanOffError) Error() string {
	return "scan.mode is off in the configuration: lists are taken by somebody else"
}

// ScanTooSoonError says that a node was scanned less than MinInterval ago: by a
// scrape, on demand, or, going by the age of its list, before the start of the process
// or by somebody else. DueIn counts from when Scan returned the error.
type ScanTooSoonError struct{ ScanState }

// Error implements error.
func (e ScanTooSoonError) Error() string {
	return fmt.Sprintf("the node was scanned %s ago, and scan.min_interval is %s: it can be scanned again in %s",
		time.Since(e.At).Round(time.Second), e.MinInterval, e.DueIn.Round(time.Second))
}

// Scan scans a node on demand and waits for the new list, at most for
// ScanOptions.Wait. It returns nil if the scan was accepted or one is running
// already: the list may come later. The scan takes its turn with the scrapes, so
// that ScanOptions.MinInterval is kept.
//
// Scan returns when ctx ends, or after Options.Timeout if that is sooner. A scan that
// has begun by then is seen through: that takes up to ScanOptions.Wait more, or a
// second if that is longer.
//
// Errors: ScanOffError, ScanTooSoonError, and *dcsapi.Error; with
// dcsapi.ReasonTimeout if the node's turn or the answer has not come in time.
func (r *Reader) Scan(ctx context.Context, instanceID, nodeID string) error {
	if r.options.Scan.Off {
		return ScanOffError{}
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	n := r.nodes.get(instanceID, nodeID)
	scanned, before, err := r.scanInTurn(ctx, n)
	switch {
	case err != nil:
		return err
	case !scanned:
		return ScanTooSoonError{r.ScanState(instanceID, nodeID)}
	}
	r.poll(ctx, n, before, time.Now().Add(r.options.Scan.Wait))
	return nil
}

// scanInTurn scans a node if that is due when its turn comes. before is the time
// of the node's list until then. The scan is seen through even if the caller goes
// away, because its result is the node's. It keeps scrapes from the node for
// ScanOptions.Wait at most, or for a second if that is longer.
func (r *Reader) scanInTurn(ctx context.Context, n *node) (scanned bool, before string, err error) {
	t, err := n.takeTurn(ctx)
	if err != nil {
		return false, "", err
	}
	defer n.end(t, false)
	if !r.options.Scan.Due(n.scanned) {
		return false, n.listTime, nil
	}
	requested, _ := r.scan(context.WithoutCancel(ctx), n, time.Now().Add(max(r.options.Scan.Wait, time.Second)))
	if !requested && n.pending == nil {
		return false, n.listTime, nil // the list turned out to be young
	}
	return true, n.listTime, n.scanError
}
