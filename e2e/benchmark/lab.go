package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// lab keeps the processes of one part of the measurement.
type lab struct {
	ctx      context.Context
	dir      string // for files
	exporter string // the program
	running  []*process
}

// clear ends all processes.
func (l *lab) clear() {
	for _, p := range l.running {
		p.stop()
	}
	l.running = nil
}

// pages starts a process that serves the lists of so many sessions.
func (l *lab) pages(sessions, nodes int, args ...string) (pageServer, error) {
	var server pageServer
	p, err := startSelf(l.ctx, append([]string{"pages", "-sessions", strconv.Itoa(sessions), "-nodes", strconv.Itoa(nodes)}, args...)...)
	if err != nil {
		return server, err
	}
	l.running = append(l.running, p)
	return server, p.receive(&server)
}

// start starts an exporter.
func (l *lab) start(config string) (*exporter, error) {
	e, err := startExporter(l.ctx, l.dir, l.exporter, config)
	if err != nil {
		return nil, err
	}
	l.running = append(l.running, e.process)
	return e, nil
}

// scrapes starts an exporter and returns its scrapes as a subject.
func (l *lab) scrapes(name, config string, format http.Header) (subject, error) {
	e, err := l.start(config)
	if err != nil {
		return subject{}, err
	}
	return e.subject(name, format), nil
}

// reads starts a process that reads pages and returns its reading as a
// subject.
func (l *lab) reads(name string, task readerTask) (subject, error) {
	encoded, err := json.Marshal(task)
	if err != nil {
		return subject{}, err
	}
	p, err := startSelf(l.ctx, "read", string(encoded))
	if err != nil {
		return subject{}, err
	}
	l.running = append(l.running, p)
	return subject{name, p.command.Process.Pid, func() (a amount, err error) {
		if _, err := io.WriteString(p.stdin, "again\n"); err != nil {
			return a, err
		}
		return a, p.receive(&a)
	}}, nil
}

// renewer returns what makes the lists of a server new ones.
func (l *lab) renewer(s pageServer) func() error {
	transport := &http.Transport{}
	if s.CA != "" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(s.CA))
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	client := &http.Client{Transport: transport}
	return func() error {
		req, err := http.NewRequestWithContext(l.ctx, http.MethodPost, s.URL+"/next", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
}
