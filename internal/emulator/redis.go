package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// maxReply bounds what is read of one answer of a Redis.
const maxReply = 256 << 20

// Redis is a source that reads CLIENT LIST of a real Redis over a connection of
// its own, which it leaves out: the API hides its own sessions likewise.
type Redis struct {
	Addr     string // host:port
	Username string // "" for the default user
	Password string // "" for none
}

// Sessions implements Source.
func (s Redis) Sessions(ctx context.Context, _ time.Time) ([]Session, string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, "", err
		}
	}
	r := bufio.NewReader(conn)
	if s.Password != "" {
		args := []string{"AUTH", s.Password}
		if s.Username != "" {
			args = []string{"AUTH", s.Username, s.Password}
		}
		if _, err := ask(conn, r, args...); err != nil {
			return nil, "", err
		}
	}
	own, err := ask(conn, r, "CLIENT", "ID")
	if err != nil {
		return nil, "", err
	}
	list, err := ask(conn, r, "CLIENT", "LIST")
	if err != nil {
		return nil, "", err
	}
	var sessions []Session
	var raw strings.Builder
	for line := range strings.Lines(list) {
		session, err := parseClient(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, "", err
		}
		if session.ID != own {
			sessions = append(sessions, session)
			raw.WriteString(line)
		}
	}
	return sessions, raw.String(), nil
}

// ask sends one command and reads its answer: a status, a number or a bulk
// string.
func ask(w io.Writer, r *bufio.Reader, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("redis: empty answer")
	}
	switch rest := line[1:]; line[0] {
	case '+', ':':
		return rest, nil
	case '-':
		return "", fmt.Errorf("redis: %s: %s", args[0], rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > maxReply {
			return "", fmt.Errorf("redis: answer of %q bytes", rest)
		}
		bulk := make([]byte, n+2)
		if _, err := io.ReadFull(r, bulk); err != nil {
			return "", err
		}
		return string(bulk[:n]), nil
	default:
		return "", fmt.Errorf("redis: unexpected answer %q", line[:1])
	}
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
