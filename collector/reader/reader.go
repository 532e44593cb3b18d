// Package reader reads the session lists of a project's nodes: it scans a node
// where that is due, waits for the new list, reads its pages and adds them up.
//
// A node is read once for all who wait for it at the same time, and whoever reads
// or scans it takes turns. The package promises that a node is not scanned more
// often than ScanOptions.MinInterval says, and that a Reading has a whole list or
// an error. A list is whole without up to five sessions that are too large to be
// read: the Reading has a warning then. It does not know which nodes there are, when
// a scrape must end, or how the numbers are exported.
//
// Source files: turn.go has Read, and who shares a reading. read.go has the steps
// of a reading, scan.go its scan; ondemand.go has scans without a reading. list.go
// reads a list, pages.go decides which pages to ask for, and torn.go what they amount
// to. nodes.go, with pagingprofile.go, is what is remembered of a node.
// pageshare.go divides requests among lists, warnings.go words what went wrong,
// and trace.go records the steps for a dcsapi.Trace.
package reader

import (
	"context"
	"iter"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// API is what the package needs of a project's dcsapi.Client, whose methods are
// its contract.
type API interface {
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
	ScanClients(ctx context.Context, instanceID, nodeID string) (string, error)
	Redact(text string) string
}

// Options configure how nodes are read.
type Options struct {
	Scan ScanOptions

	// Aggregate is how sessions are added up. What is remembered of a list, and a
	// reading under way, are of use only to readers with the same pointer.
	Aggregate *aggregate.Options

	// MaxSnapshotAge is how old a list may be, by the Date header of the response
	// that has it, else by the local clock; 0 for any age. A list that is from more
	// than two minutes ahead is not used either; one without a time always is.
	MaxSnapshotAge time.Duration

	// HiddenCountTTL is how long it is trusted how many sessions a node's lists hide of
	// those that they count. How many sessions a page has is trusted until a list
	// shows otherwise.
	HiddenCountTTL time.Duration

	// Timeout bounds a reading, and how long Scan waits, whatever their contexts
	// allow.
	Timeout time.Duration
}

// Reader reads the nodes of one project. It is made by New and is safe for
// concurrent use.
type Reader struct {
	api     API
	nodes   *Nodes
	options *Options
	share   *pageShare
	onTorn  func()
}

// New returns a reader. nodes holds what is remembered of the nodes, and is kept
// from one configuration to the next. o must not be modified afterwards. pages is
// how many pages after the first of a list are requested at a time: the lists that
// are being read share them, and each has at least one. onTorn is called each time
// that a list has changed while it was read, though it may be read again; it must be
// safe for concurrent use.
func New(api API, nodes *Nodes, o *Options, pages int, onTorn func()) *Reader {
	return &Reader{api: api, nodes: nodes, options: o, share: &pageShare{most: pages}, onTorn: onTorn}
}

// ListClients reads one page of the list that a node has now, straight from the
// API. It does not wait for the node's turn, and nothing is remembered of it. See
// dcsapi.Client.ListClients.
func (r *Reader) ListClients(ctx context.Context, request dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	return r.api.ListClients(ctx, request, consume)
}

// Request says how a node is read in a scrape. A reading that is under way already
// keeps to the Request of the scrape that began it.
type Request struct {
	InstanceID, NodeID string

	ScanBy   time.Time       // the scan must be answered by then, or is left pending; the list is read then, new or not
	Wait     time.Duration   // how long after the scan a new list is waited for at most
	ReadFrom <-chan struct{} // the list is not read before this is closed, unless Wait or ScanBy is over

	IdleTimeout time.Duration // the server's, 0 for none or if it is not known

	// OnRequest is called before each request to the API, whose retries do not count.
	// It is not called if the reading is another scrape's.
	OnRequest func()

	// OnScanned is called exactly once: when the scan has been answered or left
	// pending, or as soon as it is clear that this scrape sends none, as in a reading
	// of another's. That may be after Read has returned. Neither function may be nil,
	// and both may be called from other goroutines.
	OnScanned func()
}

// Reading is what a scrape has of a node: either a Snapshot or an Err. Others may
// have the same one: it must not be modified.
type Reading struct {
	Snapshot *aggregate.Snapshot
	Churn    aggregate.Churn // since the node's first list; meaningful with a Snapshot
	Err      error           // why there is no Snapshot, a *dcsapi.Error
	Warnings []error         // with a Snapshot: what went wrong nevertheless, each a *dcsapi.Error
	Took     time.Duration   // of the whole reading, or until Read no longer waited for it
}

// countingAPI reports requests to Request.OnRequest.
type countingAPI struct {
	API
	onRequest func()
}

// ListClients implements API.
func (a countingAPI) ListClients(ctx context.Context, r dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	a.onRequest()
	return a.API.ListClients(ctx, r, consume)
}

// ScanClients implements API.
func (a countingAPI) ScanClients(ctx context.Context, instanceID, nodeID string) (string, error) {
	a.onRequest()
	return a.API.ScanClients(ctx, instanceID, nodeID)
}
