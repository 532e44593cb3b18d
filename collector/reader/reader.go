// Package reader reads the session lists of a project's nodes: it scans a node
// where that is due, waits for the new list, reads its pages and adds them up.
//
// A node is read once for all who wait for it at the same time, and whoever reads
// or scans it takes turns. The package promises that a node is not scanned more
// often than ScanOptions.MinInterval says, and that a Reading has a whole list or
// an error. It does not know which nodes there are, when a scrape must end, or how
// the numbers are exported.
package reader

import (
	"context"
	"iter"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// API is what the package needs of a project's dcsapi.Client.
type API interface {
	ListClients(context.Context, dcsapi.ListClientsRequest, func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error)
	ScanClients(ctx context.Context, instanceID, nodeID string) (string, error)
	Redact(text string) string
}

// Options configure how nodes are read.
type Options struct {
	Scan           ScanOptions
	Aggregate      *aggregate.Options
	MaxSnapshotAge time.Duration // lists that are older are not used; 0 for any age
	HiddenCountTTL time.Duration // how long it is trusted how a node's lists have been paged
	Timeout        time.Duration // of one reading or scan
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

// New returns a reader. Nodes holds what is remembered of the nodes, and is kept
// from one configuration to the next. pages is how many pages are requested at a
// time, of all lists together. onTorn is called for each list that changed while
// it was read.
func New(api API, nodes *Nodes, o *Options, pages int, onTorn func()) *Reader {
	return &Reader{api: api, nodes: nodes, options: o, share: &pageShare{most: pages}, onTorn: onTorn}
}

// ListClients reads one page of the list that a node has now, straight from the
// API; nothing is remembered of it. See dcsapi.Client.ListClients.
func (r *Reader) ListClients(ctx context.Context, request dcsapi.ListClientsRequest, consume func(iter.Seq[*dcsapi.Session])) (dcsapi.Page, error) {
	return r.api.ListClients(ctx, request, consume)
}

// Request says how a node is read in a scrape.
type Request struct {
	InstanceID, NodeID string

	ScanBy   time.Time       // the scan must be answered by then, or is left pending; the list is read then, new or not
	Wait     time.Duration   // how long a new list is waited for at most
	ReadFrom <-chan struct{} // it is not read before this is closed, unless the wait is over

	IdleTimeout time.Duration // the server's, 0 for none or if it is not known

	OnRequest func() // called for each request to the API
	OnScanned func() // called exactly once: when the scan is done, or it is clear that there will be none
}

// Reading is what a scrape has of a node.
type Reading struct {
	Snapshot *aggregate.Snapshot
	Churn    aggregate.Churn // with a Snapshot
	Err      error           // why there is no Snapshot
	Warnings []error         // what went wrong although there is one
	Took     time.Duration
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
