package emulator

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ParseClientList parses the answer of CLIENT LIST, which has one session per
// line, and keeps the order. It ignores fields that the API does not have;
// missing fields are empty or 0. A line without an id, or with an invalid number,
// is an error.
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

// parseClient parses a line of CLIENT LIST: name=value pairs separated by
// spaces.
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

// addressEnd matches the end of an address: a port, and the fields that Redis
// writes next. The port of a Unix socket is 0.
var addressEnd = regexp.MustCompile(`:[0-9]+( )(?:laddr=|fd=[0-9]+(?: |$))`)

// cutPair splits off the first name=value pair of a line. Values contain no
// spaces, except for the address of a client on a Unix socket, whose path may
// contain any.
func cutPair(line string) (pair, rest string, more bool) {
	end := strings.IndexByte(line, ' ')
	if end < 0 {
		return line, "", false
	}
	name, value, _ := strings.Cut(line, "=")
	if (name == "addr" || name == "laddr") && value[0] != ' ' { // an address may be empty
		if at := addressEnd.FindStringSubmatchIndex(line); at != nil {
			end = at[2]
		}
	}
	return line[:end], line[end+1:], true
}
