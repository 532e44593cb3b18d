package emulator

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseClientList reads the answer of CLIENT LIST, a session per line, in its
// order. Fields that the API has no place for are left out; one that is missing
// is empty or 0. A line without an id, or with a number that is none, is an
// error.
func ParseClientList(text string) ([]Session, error) {
	var sessions []Session
	for line := range strings.Lines(text) {
		s, err := parseClient(strings.TrimRight(line, "\r\n"))
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// parseClient reads a line of CLIENT LIST: name=value pairs, with a space
// between them, which no value has.
func parseClient(line string) (Session, error) {
	s := Session{Network: "vpc"}
	texts := map[string]*string{
		"id": &s.ID, "addr": &s.Addr, "name": &s.Name, "cmd": &s.Cmd, "flags": &s.Flags, "fd": &s.FD, "db": &s.DB,
		"events": &s.Events, "user": &s.User,
	}
	numbers := map[string]*int64{
		"age": &s.Age, "idle": &s.Idle, "sub": &s.Sub, "psub": &s.PSub, "multi": &s.Multi, "qbuf": &s.QBuf,
		"qbuf-free": &s.QBufFree, "obl": &s.OBL, "oll": &s.OLL, "omem": &s.OMem,
	}
	for pair := range strings.SplitSeq(line, " ") {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return Session{}, fmt.Errorf("redis: CLIENT LIST has %q where name=value is expected", pair)
		}
		if to, ok := texts[name]; ok {
			*to = value
		}
		if to, ok := numbers[name]; ok {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return Session{}, fmt.Errorf("redis: CLIENT LIST has %q where a number is expected", pair)
			}
			*to = n
		}
	}
	if s.ID == "" {
		return Session{}, errors.New("redis: CLIENT LIST has a line without an id")
	}
	s.Peer = s.Addr
	return s, nil
}
