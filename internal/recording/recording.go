// Package recording records what the API answers, with everything private
// replaced, so that it can be shown to others and replayed.
//
// A Recorder sits below the API's client, and keeps every request and response,
// whichever endpoint they concern. Recorder.Recording replaces what is private:
// ids, addresses, names, users, tags, hosts, and every text that is not known to
// be harmless. The same text gets the same replacement everywhere, and addresses
// of the same network stay in one network. Numbers, times, field names, their
// order, and what a response lacks remain as they are. Headers of requests, which
// contain the key, are never kept.
//
// Source files: recorder.go keeps the exchanges, and anonymize.go makes a recording
// of them. For that, fields.go and words.go say which fields are private and which
// values and words are harmless, walk.go finds them in JSON for anonymizer.go,
// aliases.go and addresses.go make the replacements, and leaks.go looks for what was
// missed. write.go and read.go write and read the file of a recording, and
// describe.go says what is in it.
package recording

import (
	"encoding/json"
	"net/url"
	"time"
)

// FormatVersion is the version of the format of archives; others are not read.
const FormatVersion = 1

// Recording is an anonymous recording.
type Recording struct {
	Manifest  Manifest
	Exchanges []Exchange // in the order in which the requests were sent
}

// Manifest describes a recording.
type Manifest struct {
	FormatVersion int       `json:"format_version"`
	RecordedAt    time.Time `json:"recorded_at"`
	Exporter      string    `json:"exporter"`     // its version
	Scans         bool      `json:"scans"`        // nodes were scanned
	NodesRead     int       `json:"nodes_read"`   // those whose session list was read
	NodesFailed   int       `json:"nodes_failed"` // those whose session list could not be read, or not in time
	Projects      []Project `json:"projects"`
}

// Project is a project of the configuration that was recorded.
type Project struct {
	Region       string     `json:"region"`
	ID           string     `json:"project_id"` // "" if it was not found
	Configured   []Instance `json:"instances"`
	Discover     string     `json:"discover"`   // one of DiscoverNone, DiscoverAll, DiscoverSome
	Discovered   []string   `json:"discovered"` // ids of the instances that Discover finds
	MaxClients   int        `json:"discover_max_clients,omitempty"`
	ReadReplicas bool       `json:"read_replicas"`
}

// The values of Project.Discover.
const (
	DiscoverNone = "none" // only configured instances are read
	DiscoverAll  = "all"
	DiscoverSome = "some" // by name, tags or enterprise project
)

// Instance is an instance that the configuration names.
type Instance struct {
	ID         string   `json:"id"`
	Nodes      []string `json:"nodes,omitempty"`
	MaxClients int      `json:"max_clients,omitempty"`
}

// Exchange is a request and what came of it.
type Exchange struct {
	At       time.Time `json:"at"`      // when the request was sent, by the recording machine's clock
	TookMS   int64     `json:"took_ms"` // until the end of the response
	Request  Request   `json:"request"`
	Response *Response `json:"response,omitempty"` // nil if there was none
	Failure  string    `json:"failure,omitempty"`  // why there was no response, or not a complete one
}

// The values of Exchange.Failure.
const (
	FailureTimeout = "timeout"
	FailureNetwork = "network"
	FailureCut     = "cut" // the body was not received, or not read, to its end
)

// Request is an HTTP request. It has no host and no headers.
type Request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Query  url.Values      `json:"query,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// Response is an HTTP response.
type Response struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"` // those that are known to be harmless
	BOM     bool              `json:"byte_order_mark,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"` // nil if the body is not JSON
	Length  int               `json:"length"`         // bytes of the original body
}
