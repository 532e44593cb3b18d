package emulator

import (
	"context"
	"slices"
	"time"
)

// Session is a client session in the API's form (ClientInfo).
type Session struct {
	ID       string `json:"id"`
	Addr     string `json:"addr"`
	Name     string `json:"name"`
	Cmd      string `json:"cmd"`
	Age      int64  `json:"age"`
	Idle     int64  `json:"idle"`
	Flags    string `json:"flags"`
	FD       string `json:"fd"`
	DB       string `json:"db"`
	Sub      int64  `json:"sub"`
	PSub     int64  `json:"psub"`
	Multi    int64  `json:"multi"`
	QBuf     int64  `json:"qbuf"`
	QBufFree int64  `json:"qbuf_free"`
	OBL      int64  `json:"obl"`
	OLL      int64  `json:"oll"`
	OMem     int64  `json:"omem"`
	Events   string `json:"events"`
	Network  string `json:"network"`
	Peer     string `json:"peer"`
	User     string `json:"user"`
}

// Source provides the sessions of a node.
type Source interface {
	// Sessions returns the current sessions, and the text that they were parsed
	// from, "" if there is none. If it fails, the scan fails.
	Sessions(ctx context.Context, now time.Time) (sessions []Session, raw string, err error)
}

// Static is a source with fixed sessions.
type Static []Session

// Sessions implements Source.
func (s Static) Sessions(context.Context, time.Time) ([]Session, string, error) {
	return slices.Clone(s), "", nil
}

// SourceFunc turns a function into a source.
type SourceFunc func(ctx context.Context, now time.Time) ([]Session, string, error)

// Sessions implements Source.
func (f SourceFunc) Sessions(ctx context.Context, now time.Time) ([]Session, string, error) {
	return f(ctx, now)
}

// Snapshot is a session list that a scan took.
type Snapshot struct {
	Time     time.Time
	Sessions []Session // sorted by id
	Raw      string    // the text that the source parsed, such as CLIENT LIST of a Redis
}
