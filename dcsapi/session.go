package dcsapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Session is one client connection of a node, as described by the API's
// ClientInfo and by Redis' CLIENT LIST. Its strings are cut to 512 bytes, and may
// contain invalid UTF-8.
//
// Any field may be missing in a response: a missing string is "", a missing
// number is 0 and not in Present.
type Session struct {
	ID      string // decimal; the node increments it for each connection that it accepts
	Addr    string // the client's address and port
	Peer    string // an address and port; sources differ on whose
	FD      string // file descriptor in the node's container
	DB      string // number of the database in use
	Name    string // CLIENT SETNAME
	Cmd     string // the last command, "NULL" before the first
	Flags   string // a combination of letters, "N" when there is no other
	Events  string // file events: "", "r", "w" or "rw"
	Network string // kind of network, such as "vpc"
	User    string // ACL user; empty before Redis 6

	Age      int64 // seconds connected
	Idle     int64 // seconds idle
	Sub      int64 // channels subscribed
	PSub     int64 // patterns subscribed
	Multi    int64 // commands queued in MULTI; -1 outside of it
	QBuf     int64 // bytes used of the query buffer
	QBufFree int64 // bytes free in the query buffer
	OBL      int64 // bytes used of the fixed output buffer
	OLL      int64 // objects in the output list
	OMem     int64 // bytes of all output buffers

	Present Numbers // which of the numbers the response had

	// Extra are the fields that the API has and that are not among the ones above, in
	// its order: the first 32 of those whose name and value have at most 512 bytes
	// each. It is nil without ListClientsRequest.Extra.
	Extra []ExtraField
}

// ExtraField is a field of a session that this package knows nothing about.
type ExtraField struct {
	Name  string
	Value json.RawMessage // valid JSON of at most 512 bytes
}

// maxExtra bounds the extra fields of a session.
const maxExtra = 32

// addExtra adds a field that is none of the known ones. One that is too long is
// left out.
func (s *Session) addExtra(name, value []byte) {
	if len(s.Extra) < maxExtra && len(name) <= maxKept && len(value) <= maxKept {
		s.Extra = append(s.Extra, ExtraField{string(name), bytes.Clone(value)})
	}
}

// Clone returns a copy of the session that stays valid after the response it comes
// from. Only the values in Extra are shared with s; they must not be modified.
func (s *Session) Clone() Session {
	c := *s
	c.Extra = slices.Clone(s.Extra)
	for _, text := range []*string{&c.ID, &c.Addr, &c.Peer, &c.FD, &c.DB, &c.Name, &c.Cmd, &c.Flags, &c.Events, &c.Network, &c.User} {
		*text = strings.Clone(*text)
	}
	return c
}

// Numbers is a set of a session's numeric fields.
type Numbers uint16

// The numeric fields of a session.
const (
	HasAge Numbers = 1 << iota
	HasIdle
	HasSub
	HasPSub
	HasMulti
	HasQBuf
	HasQBufFree
	HasOBL
	HasOLL
	HasOMem
)

// Has reports whether s includes all numbers of set.
func (s Numbers) Has(set Numbers) bool { return s&set == set }

// text returns the field for a JSON key, or nil if it is not one for a string.
func (s *Session) text(key []byte) *string {
	switch string(key) {
	case "id":
		return &s.ID
	case "addr":
		return &s.Addr
	case "peer":
		return &s.Peer
	case "fd":
		return &s.FD
	case "db":
		return &s.DB
	case "name":
		return &s.Name
	case "cmd":
		return &s.Cmd
	case "flags":
		return &s.Flags
	case "events":
		return &s.Events
	case "network":
		return &s.Network
	case "user":
		return &s.User
	default:
		return nil
	}
}

// number returns the field for a JSON key and its bit, or nil if it is not one
// for a number.
func (s *Session) number(key []byte) (*int64, Numbers) {
	switch string(key) {
	case "age":
		return &s.Age, HasAge
	case "idle":
		return &s.Idle, HasIdle
	case "sub":
		return &s.Sub, HasSub
	case "psub":
		return &s.PSub, HasPSub
	case "multi":
		return &s.Multi, HasMulti
	case "qbuf":
		return &s.QBuf, HasQBuf
	case "qbuf_free":
		return &s.QBufFree, HasQBufFree
	case "obl":
		return &s.OBL, HasOBL
	case "oll":
		return &s.OLL, HasOLL
	case "omem":
		return &s.OMem, HasOMem
	default:
		return nil, 0
	}
}
