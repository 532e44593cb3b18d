// Package sessiontable makes a table of a node's sessions: it finds the node
// (find.go), says which sessions to show (query.go), reads them page by page
// (read.go), selects where the API cannot (filter.go), merges several nodes
// (merge.go), defines the columns (column.go), and writes text for a terminal,
// JSON or CSV (text.go, terminal.go, json.go, csv.go). The page /sessions and the
// command sessions use it.
package sessiontable

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/printable"
)

// Column is a field of a session.
type Column struct {
	Name string // the API's name for it, also for sorting
	Help string
	Unit Unit

	text   func(*dcsapi.Session) string // nil for numbers
	number func(*dcsapi.Session) int64
	bit    dcsapi.Numbers
}

// Unit is the unit of a column's values.
type Unit int

// The units.
const (
	Text    Unit = iota
	Number       // a count
	Seconds      // whole seconds
	Bytes
)

// Columns returns all columns, the most useful ones first.
func Columns() []Column { return columns }

var columns = []Column{
	text("id", "client id, growing by one per connection", func(s *dcsapi.Session) string { return s.ID }),
	text("addr", "client address and port", func(s *dcsapi.Session) string { return s.Addr }),
	text("name", "client name (CLIENT SETNAME)", func(s *dcsapi.Session) string { return s.Name }),
	text("user", "ACL user", func(s *dcsapi.Session) string { return s.User }),
	text("db", "database", func(s *dcsapi.Session) string { return s.DB }),
	text("cmd", "last command", func(s *dcsapi.Session) string { return s.Cmd }),
	text("flags", "flags, as CLIENT LIST has them", func(s *dcsapi.Session) string { return s.Flags }),
	number("age", Seconds, "connected for", func(s *dcsapi.Session) int64 { return s.Age }, dcsapi.HasAge),
	number("idle", Seconds, "idle for", func(s *dcsapi.Session) int64 { return s.Idle }, dcsapi.HasIdle),
	number("omem", Bytes, "memory of all output buffers", func(s *dcsapi.Session) int64 { return s.OMem }, dcsapi.HasOMem),
	number("oll", Number, "objects in the output list", func(s *dcsapi.Session) int64 { return s.OLL }, dcsapi.HasOLL),
	number("obl", Bytes, "fixed output buffer in use", func(s *dcsapi.Session) int64 { return s.OBL }, dcsapi.HasOBL),
	number("qbuf", Bytes, "query buffer in use", func(s *dcsapi.Session) int64 { return s.QBuf }, dcsapi.HasQBuf),
	number("qbuf_free", Bytes, "query buffer free", func(s *dcsapi.Session) int64 { return s.QBufFree }, dcsapi.HasQBufFree),
	number("sub", Number, "channels subscribed to", func(s *dcsapi.Session) int64 { return s.Sub }, dcsapi.HasSub),
	number("psub", Number, "patterns subscribed to", func(s *dcsapi.Session) int64 { return s.PSub }, dcsapi.HasPSub),
	number("multi", Number, "commands queued in MULTI, -1 outside of it", func(s *dcsapi.Session) int64 { return s.Multi }, dcsapi.HasMulti),
	text("events", "file events: r, w", func(s *dcsapi.Session) string { return s.Events }),
	text("network", "kind of network", func(s *dcsapi.Session) string { return s.Network }),
	text("fd", "file descriptor", func(s *dcsapi.Session) string { return s.FD }),
	text("peer", "the connection as the console names it, to end the session there", func(s *dcsapi.Session) string { return s.Peer }),
}

func text(name, help string, get func(*dcsapi.Session) string) Column {
	return Column{Name: name, Help: help, text: get}
}

func number(name string, unit Unit, help string, get func(*dcsapi.Session) int64, bit dcsapi.Numbers) Column {
	return Column{Name: name, Help: help, Unit: unit, number: get, bit: bit}
}

// Names returns the names of all columns.
func Names() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// Right reports whether the column is right-aligned: numbers are, and texts that
// contain numbers.
func (c *Column) Right() bool {
	return c.Unit != Text || c.Numeric()
}

// Numeric reports whether the column's texts contain numbers, by which it is
// sorted.
func (c *Column) Numeric() bool { return c.Name == "id" || c.Name == "fd" || c.Name == "db" }

// Raw returns a session's value as the API sent it. It returns false if the
// answer did not contain that number. Bytes that are not UTF-8 are replaced.
func (c *Column) Raw(s *dcsapi.Session) (string, bool) {
	if c.text != nil {
		return strings.ToValidUTF8(c.text(s), "\uFFFD"), true
	}
	return strconv.FormatInt(c.number(s), 10), s.Present.Has(c.bit)
}

// Human returns a session's value in readable form: sizes and durations in large
// units, and text with non-printable characters escaped. It returns "" for a
// number that the answer did not contain.
func (c *Column) Human(s *dcsapi.Session) string {
	raw, there := c.Raw(s)
	switch {
	case !there:
		return ""
	case c.Unit == Seconds:
		return Duration(time.Duration(min(max(c.number(s), -maxSeconds), maxSeconds)) * time.Second)
	case c.Unit == Bytes:
		return size(c.number(s))
	case c.Unit == Text:
		return printable.Text(raw)
	default:
		return raw
	}
}

// maxSeconds is the largest number of seconds that fits in a time.Duration.
const maxSeconds = math.MaxInt64 / int64(time.Second)

// Duration formats a duration in its two largest units, such as 3h04m or 12d0h.
func Duration(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%dd%dh", s/86400, s%86400/3600)
	}
}

// size formats a number of bytes, such as 512 B or 3.0 GiB.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), -1
	for value >= 1023.95 && unit < 5 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[unit])
}
