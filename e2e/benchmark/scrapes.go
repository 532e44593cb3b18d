package main

import (
	"fmt"
	"io"
	"net/http"
)

// format is a way to ask for metrics.
type format struct {
	name   string
	header http.Header
}

// formats are those that scrapes are measured in.
var formats = []format{
	{"scrape, text", text},
	{"scrape, protobuf", protobuf},
	{"scrape, protobuf, packed with gzip", packed},
}

// benchScrapes measures scrapes against reading the same pages and throwing
// them away, over different ways to the server.
func benchScrapes(l *lab, o options, out io.Writer) error {
	for _, way := range []struct {
		title string
		args  []string
	}{
		{"Plain HTTP", nil},
		{"Answers packed with gzip", []string{"-gzip"}},
		{"TLS", []string{"-tls"}},
		{fmt.Sprintf("Plain HTTP, %s of latency", o.latency), []string{"-latency", o.latency.String()}},
	} {
		server, err := l.pages(o.sessions, o.nodes, way.args...)
		if err != nil {
			return err
		}
		readers := []struct{ kind, name string }{{"discard", "read and discard"}}
		if way.args == nil {
			readers = append(readers, struct{ kind, name string }{"sdk", "the vendor SDK's ListClients"}, struct{ kind, name string }{"client", "dcsapi's ListClients"})
		}
		var subjects []subject
		for _, r := range readers {
			s, err := l.reads(r.name, readerTask{Kind: r.kind, Server: server, Sessions: o.sessions, Nodes: o.nodes})
			if err != nil {
				return err
			}
			subjects = append(subjects, s)
		}
		config := pagesConfig(server, o.nodes, "")
		for _, f := range formats {
			s, err := l.scrapes(f.name, config, f.header)
			if err != nil {
				return err
			}
			subjects = append(subjects, s)
		}
		results, err := measure(subjects, o.rounds, l.renewer(server))
		if err != nil {
			return err
		}
		if err := agree(results, o.sessions); err != nil {
			return err
		}
		if err := l.check(config, o.sessions); err != nil {
			return err
		}
		fmt.Fprintf(out, "\n### %s\n\n", way.title)
		table(out, results)
		l.clear()
	}
	return nil
}

// agree checks that those who decode sessions have seen all of them, and the
// same.
func agree(results []result, sessions int) error {
	omem := int64(0)
	for _, r := range results {
		if a := r.amount; a.Sessions > 0 {
			if a.Sessions != int64(sessions) || (omem > 0 && a.OMem != omem) {
				return fmt.Errorf("%s saw %d sessions with %d bytes: not all of %d, or not what others saw (%d bytes)", r.name, a.Sessions, a.OMem, sessions, omem)
			}
			omem = a.OMem
		}
	}
	return nil
}

// check checks that a scrape tells of all sessions.
func (l *lab) check(config string, sessions int) error {
	e, err := l.start(config)
	if err != nil {
		return err
	}
	total, err := e.count()
	if err == nil && total.Sessions != int64(sessions) {
		err = fmt.Errorf("a scrape tells of %d sessions, not of %d", total.Sessions, sessions)
	}
	return err
}
