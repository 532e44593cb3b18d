package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeForms are the forms of a list's time. Each function returns the JSON text,
// or nil to leave out the key.
var timeForms = map[string]func(time.Time) json.RawMessage{
	"":             layout("2006-01-02T15:04:05.000Z"),
	"space":        layout("2006-01-02 15:04:05"),
	"zoneless":     layout("2006-01-02T15:04:05"),
	"offset":       layout("2006-01-02T15:04:05-0700"),
	"seconds":      func(t time.Time) json.RawMessage { return strconv.AppendInt(nil, t.Unix(), 10) },
	"millis":       func(t time.Time) json.RawMessage { return strconv.AppendInt(nil, t.UnixMilli(), 10) },
	"seconds-text": func(t time.Time) json.RawMessage { return fmt.Appendf(nil, `"%d"`, t.Unix()) },
	"millis-text":  func(t time.Time) json.RawMessage { return fmt.Appendf(nil, `"%d"`, t.UnixMilli()) },
	"garbage":      layout("a while ago"),
	"none":         func(time.Time) json.RawMessage { return nil },
	"null":         func(time.Time) json.RawMessage { return json.RawMessage("null") },
}

// TimeForms returns the values of Options.TimeForm other than "", sorted.
func TimeForms() []string {
	var names []string
	for name := range timeForms {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// layout returns a form that writes the time in UTC as a JSON string.
func layout(layout string) func(time.Time) json.RawMessage {
	return func(t time.Time) json.RawMessage {
		return strconv.AppendQuote(nil, t.UTC().Format(layout))
	}
}

// distort applies the options to a copy of a list, before it is filtered, sorted
// and paged.
func (o *Options) distort(sessions []Session) []Session {
	if !o.RepeatIDs && o.HugeName == 0 {
		return sessions
	}
	sessions = slices.Clone(sessions)
	if o.RepeatIDs {
		for i := 1; i < len(sessions); i += 2 {
			sessions[i].ID = sessions[i-1].ID
		}
	}
	if o.HugeName > 0 && len(sessions) > 0 {
		sessions[len(sessions)/2].Name = strings.Repeat("n", o.HugeName)
	}
	return sessions
}

// page returns the page at an offset, modified by the options. sessions are the
// filtered sessions of the whole list.
func (o *Options) page(whole, sessions []Session, offset, limit int) []Session {
	if o.PageCap > 0 {
		limit = min(limit, o.PageCap)
	}
	if o.RepeatPages && offset >= min(limit, len(sessions)) {
		offset = 0
	}
	from := min(offset, len(sessions))
	page := append([]Session{}, sessions[from:min(from+limit, len(sessions))]...)
	if o.Endless {
		beyond := min(max(offset-len(sessions), 0), math.MaxInt32)
		last := lastID(whole)
		for len(page) < limit {
			page = append(page, invented(last, beyond))
			beyond++
		}
	}
	return o.show(page, from)
}

// show removes hidden sessions from a page that begins at an offset of the whole
// list.
func (o *Options) show(page []Session, from int) []Session {
	if o.HidePerPage <= 0 && len(o.HideAt) == 0 {
		return page
	}
	size := cmp.Or(o.PageCap, 1000)
	at := from
	return slices.DeleteFunc(page, func(Session) bool {
		hidden := at%size < min(o.HidePerPage, size-1) || slices.Contains(o.HideAt, at)
		at++
		return hidden
	})
}

// lastID returns the highest id of a list.
func lastID(sessions []Session) int64 {
	var last int64
	for _, s := range sessions {
		last = max(last, number(s.ID))
	}
	return last
}

// invented returns the session at a position beyond the end of a list whose
// highest id is last.
func invented(last int64, beyond int) Session {
	addr := fmt.Sprintf("10.99.%d.%d:%d", beyond>>8&255, beyond&255, 1024+beyond>>16&0x7fff)
	return Session{
		ID: strconv.FormatInt(last+1+int64(beyond), 10), Addr: addr, Peer: addr, Cmd: "get", Flags: "N", FD: strconv.Itoa(10_000 + beyond),
		DB: "0", Multi: -1, QBufFree: 20474, Events: "r", Network: "vpc",
	}
}
