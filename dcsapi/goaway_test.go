package dcsapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dcs_session_exporter/dcsapi"
)

// goAway is an HTTP/2 server that ends each connection before it takes any
// request: with a GOAWAY when the first comes, or right away.
type goAway struct {
	early    bool
	requests atomic.Int64
	conns    atomic.Int64
}

// start returns its URL and what to trust it by.
func (g *goAway) start(t *testing.T) (string, *tls.Config) {
	t.Helper()
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	certificate, pool := pair.TLS.Certificates[0], x509.NewCertPool()
	pool.AddCert(pair.Certificate())
	pair.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}}) //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		wait.Wait()
	})
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.conns.Add(1)
			wait.Go(func() { g.serve(conn) })
		}
	})
	return "https://" + listener.Addr().String(), &tls.Config{RootCAs: pool}
}

// serve speaks as little HTTP/2 as it takes.
func (g *goAway) serve(conn net.Conn) {
	const headers, settings, goaway = 1, 4, 7
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	frame := func(kind byte, payload []byte) {
		head := []byte{0, 0, byte(len(payload)), kind, 0, 0, 0, 0, 0}
		_, _ = conn.Write(append(head, payload...))
	}
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	frame(settings, nil)
	if g.early {
		frame(goaway, make([]byte, 8))
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(append([]byte{0}, head[:3]...))
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
			return
		}
		if head[3] == headers {
			g.requests.Add(1)
			frame(goaway, make([]byte, 8)) // no stream was taken, no error
			return
		}
	}
}

// TestGoAway checks that what net/http sends again by itself has an end, and
// keeps to the rate.
func TestGoAway(t *testing.T) {
	for name, early := range map[string]bool{"on a request": false, "at once": true} {
		t.Run(name, func(t *testing.T) {
			g := &goAway{early: early}
			at, config := g.start(t)
			var observed atomic.Int64
			c := dcsapi.New(dcsapi.Options{
				Endpoint: at, IAMEndpoint: at, ProjectID: "p", TLS: config, RequestsPerSecond: 5, Keys: staticKey("AK", "SK", ""),
				Observer: dcsapi.Observer{Request: func(string, string, time.Duration) { observed.Add(1) }},
			})
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := time.Now()
			for range 4 {
				_, err := c.ListInstances(ctx)
				if dcsapi.ReasonOf(err) != dcsapi.ReasonNetwork || !strings.Contains(err.Error(), "the server ends each connection before it answers") {
					t.Errorf("got %v", err)
				}
			}
			took := time.Since(start)
			// Three tries each; one more may be under way when net/http is stopped.
			if n := max(g.requests.Load(), g.conns.Load()); n < 4 || n > 16 {
				t.Errorf("%d requests in %d connections for 4 calls, want 12", g.requests.Load(), g.conns.Load())
			}
			if n := observed.Load(); n != 12 {
				t.Errorf("%d requests were counted, want 12", n)
			}
			if least := 7 * time.Second / 5; took < least-200*time.Millisecond { // 12 tries, 5 of them at once
				t.Errorf("it took %s, want %s", took, least)
			}
		})
	}
}

// TestStaleConnections checks that connections that the server has ended while
// they were idle do not cost a request.
func TestStaleConnections(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		answerSoon(w, r, false)
	}))
	defer server.Close()
	c := dcsapi.New(dcsapi.Options{Endpoint: server.URL, ProjectID: "p", RequestsPerSecond: 1000, Keys: staticKey("AK", "SK", "")})
	defer c.Close()
	for range 20 {
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := c.ListInstances(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		server.CloseClientConnections()
	}
}
