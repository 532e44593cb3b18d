package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// benchRedis measures redis_exporter's client list against this exporter on
// the same real Redis, which this exporter reads through the emulated API.
func benchRedis(l *lab, o options, out io.Writer) error {
	fmt.Fprintf(out, "\n### redis_exporter, on a Redis with %d idle clients\n\n", o.redisClients)
	if o.redisExporter == "" {
		fmt.Fprintln(out, "Left out: no redis_exporter was given (-redis-exporter, or the environment's REDIS_EXPORTER).")
		return nil
	}
	redis, err := l.redis(o.redisClients)
	if err != nil {
		return err
	}
	clients, err := connect(l.ctx, redis, o.redisClients)
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	config, err := l.emulator(redis)
	if err != nil {
		return err
	}
	other, err := l.redisExporter(o.redisExporter, redis)
	if err != nil {
		return err
	}
	scanning, err := l.start(config + "scan: {min_interval: 1ms}\n")
	if err != nil {
		return err
	}
	reading, err := l.start(config + "scan: {mode: off}\n")
	if err != nil {
		return err
	}
	results, err := measure([]subject{
		other.subject("redis_exporter --export-client-list", text),
		scanning.subject("this exporter, with a scan", text),
		reading.subject("this exporter, the list of that scan", text),
	}, o.rounds, func() error { return nil })
	if err != nil {
		return err
	}
	fmt.Fprint(out, "| | series | MB | wall ms | CPU ms | peak RSS MB |\n|---|---:|---:|---:|---:|---:|\n")
	for i, e := range []*exporter{other, scanning, reading} {
		r := &results[i]
		total, err := e.count()
		if err != nil {
			return err
		}
		if total.Sessions < int64(o.redisClients) {
			return fmt.Errorf("%s: %d clients, want %d", r.name, total.Sessions, o.redisClients)
		}
		fmt.Fprintf(out, "| %s | %d | %.2f | %.1f | %.1f | %.1f |\n", r.name, total.Series, float64(total.Bytes)/1e6, r.of(wallOf), r.of(cpuOf), float64(r.rss)/1e6)
	}
	return nil
}

// redis starts a redis-server for so many clients and returns its address.
func (l *lab) redis(clients int) (string, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errors.New("redis-server is missing (Debian: apt-get install redis-server)")
	}
	address, err := freeAddress(l.ctx)
	if err != nil {
		return "", err
	}
	host, port, _ := net.SplitHostPort(address)
	p, err := start(l.ctx, os.Stderr, binary, "--bind", host, "--port", port, "--protected-mode", "no", "--save", "", "--appendonly", "no",
		"--maxclients", fmt.Sprint(clients+100), "--timeout", "0", "--loglevel", "warning", "--dir", l.dir)
	if err != nil {
		return "", err
	}
	l.running = append(l.running, p)
	return address, await(func() error {
		conn, err := new(net.Dialer).DialContext(l.ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// connect opens idle connections from forty addresses, under twenty names.
func connect(ctx context.Context, redis string, n int) ([]net.Conn, error) {
	clients := make([]net.Conn, 0, n)
	for i := range n {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%40))}}
		conn, err := dialer.DialContext(ctx, "tcp", redis)
		if err != nil {
			return clients, err
		}
		clients = append(clients, conn)
		if _, err := fmt.Fprintf(conn, "CLIENT SETNAME service-%d\r\n", i%20); err != nil {
			return clients, err
		}
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return clients, err
		}
	}
	return clients, nil
}

// emulator starts the emulated API for a Redis, and returns the configuration
// to read it with.
func (l *lab) emulator(redis string) (string, error) {
	binary, err := build(l.ctx, l.dir, "dcs_session_exporter/cmd/dcs_emulator")
	if err != nil {
		return "", err
	}
	p, err := start(l.ctx, os.Stderr, binary, "--redis.addr="+redis, "--listen-address=127.0.0.1:0", "--scan-duration=0s")
	if err != nil {
		return "", err
	}
	l.running = append(l.running, p)
	var config strings.Builder
	for p.stdout.Scan() {
		line := p.stdout.Text()
		if line == "    credentials:" {
			config.WriteString("    requests_per_second: 1000\n")
		}
		config.WriteString(line + "\n")
		if strings.HasPrefix(line, "idle_threshold:") { // the last
			go func() {
				for p.stdout.Scan() { // whatever else it says
				}
			}()
			return config.String(), nil
		}
	}
	return "", errors.New("the emulator ended")
}

// redisExporter starts a redis_exporter that exports the client list.
func (l *lab) redisExporter(binary, redis string) (*exporter, error) {
	address, err := freeAddress(l.ctx)
	if err != nil {
		return nil, err
	}
	p, err := start(l.ctx, io.Discard, binary, "--redis.addr=redis://"+redis, "--web.listen-address="+address, "--export-client-list")
	if err != nil {
		return nil, err
	}
	l.running = append(l.running, p)
	e := &exporter{p, "http://" + address + "/metrics"}
	return e, await(func() error {
		_, err := e.scrape(text)
		return err
	})
}

// freeAddress returns an address on loopback at which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// await tries something until it succeeds, for ten seconds at most.
func await(try func() error) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
