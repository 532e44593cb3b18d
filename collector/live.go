package collector

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dcs_session_exporter/dcsapi"
)

// AwaitTargets returns when it is known which instances there are, or could
// not be found out, or when the context ends.
func (c *Collector) AwaitTargets(ctx context.Context) {
	for _, p := range c.projects {
		_, _, _ = p.inventory.get(ctx, c.options.DiscoveryInterval)
	}
}

// Nodes returns the nodes of a target that hold its clients' sessions, in the
// API's order. Where the configuration names the nodes, only their ids may be
// known. The API is asked for them if they are not remembered.
func (c *Collector) Nodes(ctx context.Context, t *Target) ([]dcsapi.Node, error) {
	ids, err := t.toRead(ctx, false, c.options.DiscoveryInterval)
	if err != nil {
		return nil, err
	}
	known := t.state.detailsOf()
	nodes := make([]dcsapi.Node, len(ids))
	for i, id := range ids {
		nodes[i] = known[id]
		nodes[i].ID = id
	}
	return nodes, nil
}

// ListClients reads one page of the session list that a node of a target has
// now, straight from the API: nothing is remembered of it. The request's
// InstanceID is the target's; see dcsapi.Client.ListClients for the rest.
func (c *Collector) ListClients(ctx context.Context, t *Target, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	r.InstanceID = t.ID
	page, err := t.project.API.ListClients(ctx, r, consume)
	t.refreshNodesAfter(err)
	return page, err
}

// refreshNodesAfter has the node list fetched anew if an error says that it has
// changed.
func (t *Target) refreshNodesAfter(err error) {
	if dcsapi.IsUnknownNode(err) {
		t.state.nodes.refresh(0)
	}
}

// ScanState is what is known of the scans of a node.
type ScanState struct {
	Off         bool          // the configuration leaves them to somebody else
	MinInterval time.Duration // how long there is between two
	At          time.Time     // when the last one was, as far as this collector knows; zero if it knows of none
	Due         time.Duration // how long until it may ask again, 0 for now
}

// ScanState returns what is known of the scans of a node.
func (c *Collector) ScanState(t *Target, nodeID string) ScanState {
	n := t.state.node(nodeID)
	n.mu.Lock()
	defer n.mu.Unlock()
	o := &c.options.Scan
	s := ScanState{Off: o.Off, MinInterval: o.MinInterval, At: n.plan.scanned}
	if !s.At.IsZero() {
		s.Due = max(0, o.MinInterval-time.Since(s.At))
	}
	return s
}

// ScanOffError says that the configuration leaves scans to somebody else.
type ScanOffError struct{}

// Error implements error.
func (ScanOffError) Error() string {
	return "scan.mode is off in the configuration: lists are taken by somebody else"
}

// ScannedError says that a node was scanned too short a time ago.
type ScannedError struct{ ScanState }

// Error implements error.
func (e ScannedError) Error() string {
	return fmt.Sprintf("the node was scanned %s ago, and scan.min_interval is %s: it can be scanned again in %s",
		time.Since(e.At).Round(time.Second), e.MinInterval, e.Due.Round(time.Second))
}

// Scan has a new session list of a node taken, and waits for it as long as a
// scrape would, but not for ever: it may come later. It takes its turn with the
// scrapes, so that no node is scanned more often than min_interval says.
//
// Errors: ScanOffError, ScannedError, and what the API says.
func (c *Collector) Scan(ctx context.Context, t *Target, nodeID string) error {
	if c.options.Scan.Off {
		return ScanOffError{}
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	n := t.state.node(nodeID)
	r := &nodeReader{api: t.project.API, options: &c.options}
	due, before, err := r.scanInTurn(ctx, n)
	t.refreshNodesAfter(err)
	switch {
	case err != nil:
		return err
	case !due:
		return ScannedError{c.ScanState(t, nodeID)}
	}
	awaitNew(ctx, r, n, before)
	return nil
}

// scanInTurn has a node scanned if that is due when its turn comes, and returns
// the time of the list before too. The scan is seen through even if who asked
// for it goes away: its result is the node's. It keeps scrapes from the node
// no longer than Scan.Wait, or a second if that is longer.
func (r *nodeReader) scanInTurn(ctx context.Context, n *node) (due bool, before string, err error) {
	turn, err := n.takeTurn(ctx)
	if err != nil {
		return false, "", err
	}
	defer turn.end(n)
	if !r.options.Scan.due(n.scanned) {
		return false, n.seen, nil
	}
	asked, _ := r.scan(context.WithoutCancel(ctx), n, time.Now().Add(max(r.options.Scan.Wait, time.Second)))
	if !asked && n.pending == nil {
		return false, n.seen, nil // the list turned out to be young
	}
	return true, n.seen, n.scanError
}

// awaitNew polls until a list of a node has another time than before, but not
// longer than a scrape would.
func awaitNew(ctx context.Context, r *nodeReader, n *node, before string) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Scan.Wait)
	defer cancel()
	for pause := pollMin; ; pause = min(2*pause, pollMax) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		page, err := r.api.ListClients(ctx, dcsapi.ListClientsRequest{InstanceID: n.instanceID, NodeID: n.id, Limit: 1, Once: true}, nil)
		if (err == nil && page.Time != before) || !notYet(err) {
			return
		}
	}
}

// takeTurn waits until nobody reads the node, and keeps others from it until
// the turn ends.
func (n *node) takeTurn(ctx context.Context) (*flight, error) {
	for {
		n.mu.Lock()
		under := n.flight
		if under == nil {
			// Scrapes cannot join: they add up as no such turn does.
			turn := &flight{done: make(chan struct{})}
			n.flight = turn
			n.mu.Unlock()
			return turn, nil
		}
		n.mu.Unlock()
		select {
		case <-under.done:
		case <-ctx.Done():
			return nil, &dcsapi.Error{
				Op: "scan sessions of node " + n.id + " of instance " + n.instanceID, Reason: dcsapi.ReasonTimeout,
				Message: "a scrape has been reading the node all the time", Err: ctx.Err(),
			}
		}
	}
}

// end ends a turn.
func (f *flight) end(n *node) {
	n.mu.Lock()
	n.flight = nil
	n.plan.scanned, n.plan.seen = n.scanned, n.knowsList()
	n.mu.Unlock()
	close(f.done)
}
