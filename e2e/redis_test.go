package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
)

// redisReady matches what Redis logs once it listens.
var redisReady = regexp.MustCompile("Ready to accept connections")

// startRedis starts a real redis-server on loopback and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	startRedisAt(t, address)
	return address
}

// startRedisAt starts a real redis-server at an address, with further arguments.
func startRedisAt(t *testing.T, address string, args ...string) *harness.Process {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return harness.Start(t, redisReady, harness.Binary(t, "redis-server"), append([]string{
		"--bind", host, "--port", port, "--protected-mode", "no", "--save", "", "--appendonly", "no",
		"--maxclients", "9000", "--client-output-buffer-limit", "normal 0 0 0", "--dir", t.TempDir(),
	}, args...)...)
}

// client is a connection to the Redis.
type client struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

// connect opens a connection to a Redis, an address or the path of a socket,
// from a source address, "" for any.
func connect(t *testing.T, redis, source string) *client {
	t.Helper()
	dialer, network := net.Dialer{Timeout: 5 * time.Second}, "tcp"
	if strings.HasPrefix(redis, "/") {
		network = "unix"
	}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := dialer.DialContext(context.Background(), network, redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn), t}
}

// send sends commands, one per line, and reads no answer.
func (c *client) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

// do sends commands and reads one line of answer to each.
func (c *client) do(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		c.send(line)
		answer, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		if strings.HasPrefix(answer, "-") {
			c.t.Fatalf("%s: %s", line, answer)
		}
	}
}
