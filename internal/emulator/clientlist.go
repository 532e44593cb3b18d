package emulator

import (
	"errors"
	"fmt"
	"regexp"
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

// parseClient reads a line of CLIENT LIST: name=value pairs with a space
// between them.
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
	for rest, more := line, true; more; {
		var pair string
		pair, rest, more = cutPair(rest)
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

// addressEnd matches what comes after an address: a port, and the fields that
// Redis writes next. The port of a unix socket is 0.
var addressEnd = regexp.MustCompile(`:[0-9]+( )(?:laddr=|fd=[0-9]+(?: |$))`)

// cutPair cuts the first name=value pair off a line. No value has a space in
// it but the addresses of a client that came through a unix socket, whose path
// may have any.
func cutPair(line string) (pair, rest string, more bool) {
	end := strings.IndexByte(line, ' ')
	if end < 0 {
		return line, "", false
	}
	if strings.HasPrefix(line, "addr=") || strings.HasPrefix(line, "laddr=") {
		if at := addressEnd.FindStringSubmatchIndex(line); at != nil && line[end-1] != '=' {
			end = at[2]
		}
	}
	return line[:end], line[end+1:], true
}
