package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// startRedis starts a real redis-server on loopback and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("these tests need redis-server (Debian: apt-get install redis-server)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	command := exec.Command(binary, "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--protected-mode", "no",
		"--save", "", "--appendonly", "no", "--maxclients", "9000", "--client-output-buffer-limit", "normal 0 0 0", "--dir", t.TempDir())
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("redis-server does not listen")
	return ""
}

// client is a connection to the Redis.
type client struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

// connect opens a connection from a source address, "" for any.
func connect(t *testing.T, redis, source string) *client {
	t.Helper()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := dialer.DialContext(context.Background(), "tcp", redis)
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
