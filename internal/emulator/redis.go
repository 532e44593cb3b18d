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

// maxReply is the maximum size of an answer of Redis, in bytes.
const maxReply = 256 << 20

// Redis is a source that reads CLIENT LIST of a real Redis. It leaves out its own
// connection, as the API hides its own sessions.
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
	if s.Username != "" || s.Password != "" {
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
	var raw strings.Builder
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "id="+own+" ") {
			raw.WriteString(line)
		}
	}
	sessions, err := ParseClientList(raw.String())
	if err != nil {
		return nil, "", err
	}
	return sessions, raw.String(), nil
}

// ask sends a command and reads its answer, which must be a status, a number or a
// bulk string.
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
