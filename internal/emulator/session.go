package emulator

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Session is a client session as the API renders it (ClientInfo).
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

// Source gives the sessions of a node.
type Source interface {
	// Sessions returns the sessions of the moment, and the text that they
	// were read from, "" if there is none. When it fails, so does the scan.
	Sessions(ctx context.Context, now time.Time) (sessions []Session, raw string, err error)
}

// Static is a source that never changes.
type Static []Session

// Sessions implements Source.
func (s Static) Sessions(context.Context, time.Time) ([]Session, string, error) {
	return slices.Clone(s), "", nil
}

// SourceFunc makes a source of a function.
type SourceFunc func(ctx context.Context, now time.Time) ([]Session, string, error)

// Sessions implements Source.
func (f SourceFunc) Sessions(ctx context.Context, now time.Time) ([]Session, string, error) {
	return f(ctx, now)
}

// Snapshot is a session list as a scan has frozen it.
type Snapshot struct {
	Time     time.Time
	Sessions []Session // by id
	Raw      string    // what the source read them from: CLIENT LIST of a Redis
}

// fieldsByName give the values that lists can be sorted by: numbers for what
// looks like one, texts for the rest.
var (
	numbersByName = map[string]func(*Session) int64{
		"id": func(s *Session) int64 { return number(s.ID) }, "fd": func(s *Session) int64 { return number(s.FD) },
		"db": func(s *Session) int64 { return number(s.DB) }, "age": func(s *Session) int64 { return s.Age },
		"idle": func(s *Session) int64 { return s.Idle }, "sub": func(s *Session) int64 { return s.Sub },
		"psub": func(s *Session) int64 { return s.PSub }, "multi": func(s *Session) int64 { return s.Multi },
		"qbuf": func(s *Session) int64 { return s.QBuf }, "qbuf_free": func(s *Session) int64 { return s.QBufFree },
		"obl": func(s *Session) int64 { return s.OBL }, "oll": func(s *Session) int64 { return s.OLL },
		"omem": func(s *Session) int64 { return s.OMem },
	}
	textsByName = map[string]func(*Session) string{
		"addr": func(s *Session) string { return s.Addr }, "name": func(s *Session) string { return s.Name },
		"cmd": func(s *Session) string { return s.Cmd }, "flags": func(s *Session) string { return s.Flags },
		"events": func(s *Session) string { return s.Events }, "network": func(s *Session) string { return s.Network },
		"peer": func(s *Session) string { return s.Peer }, "user": func(s *Session) string { return s.User },
	}
)

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// sorted returns the sessions in the order of a field, those alike by id, and
// whether there is such a field.
func sorted(sessions []Session, field string, descending bool) ([]Session, bool) {
	var compare func(a, b *Session) int
	if f, ok := numbersByName[field]; ok {
		compare = func(a, b *Session) int { return cmp.Compare(f(a), f(b)) }
	} else if f, ok := textsByName[field]; ok {
		compare = func(a, b *Session) int { return strings.Compare(f(a), f(b)) }
	} else {
		return nil, false
	}
	sign := 1
	if descending {
		sign = -1
	}
	out := slices.Clone(sessions)
	slices.SortStableFunc(out, func(a, b Session) int {
		return cmp.Or(sign*compare(&a, &b), cmp.Compare(number(a.ID), number(b.ID)))
	})
	return out, true
}

// fromAddress returns the sessions whose address is an ip or ip:port.
func fromAddress(sessions []Session, addr string) []Session {
	var out []Session
	for _, s := range sessions {
		host := s.Addr
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = strings.Trim(host[:i], "[]")
		}
		if s.Addr == addr || host == strings.Trim(addr, "[]") {
			out = append(out, s)
		}
	}
	return out
}
