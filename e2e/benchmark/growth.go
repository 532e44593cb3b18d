package main

import (
	"fmt"
	"io"
	"time"
)

// benchExposition measures what is left of a scrape where the list is not new:
// writing the series of a node with 10,000 clients, all of them within the
// limit.
func benchExposition(l *lab, o options, out io.Writer) error {
	const clients = 10_000
	server, err := l.pages(clients, 1)
	if err != nil {
		return err
	}
	config := pagesConfig(server, 1, fmt.Sprintf("client_address: {include_port: true}\nlimits: {clients: %d}\n", clients))
	var subjects []subject
	for _, f := range formats {
		s, err := l.scrapes(f.name, config, f.header)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
	}
	e, err := l.start(config)
	if err != nil {
		return err
	}
	total, err := e.count()
	if err != nil {
		return err
	}
	if total.Series < 3*clients {
		return fmt.Errorf("%d series, want those of %d clients", total.Series, clients)
	}
	results, err := measure(subjects, o.rounds, func() error { return nil })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n### Exposition: one node, %d clients within the limit, a list that is not new\n\n", clients)
	fmt.Fprint(out, "| | series | MB | wall ms | CPU ms | CPU ns per series | peak RSS MB |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for i := range results {
		r := &results[i]
		perSeries := r.of(func(r reading) float64 { return float64(r.cpu.Nanoseconds()) / float64(total.Series) })
		fmt.Fprintf(out, "| %s | %d | %.1f | %.1f | %.1f | %.0f | %.1f |\n",
			r.name, total.Series, float64(r.amount.Bytes)/1e6, r.of(wallOf), r.of(cpuOf), perSeries, float64(r.rss)/1e6)
	}
	return nil
}

// benchGrowth measures scrapes of more and more sessions, beside reading and
// discarding them.
func benchGrowth(l *lab, o options, out io.Writer) error {
	const rounds = 7
	fmt.Fprintf(out, "\n### Growth: scrapes of %d nodes, protobuf, plain HTTP\n\n", o.nodes)
	fmt.Fprint(out, "| sessions | read and discard, wall ms | scrape, wall ms | scrape, CPU ms | CPU µs per session | peak RSS MB |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, sessions := range o.growth {
		server, err := l.pages(sessions, o.nodes)
		if err != nil {
			return err
		}
		discard, err := l.reads("read and discard", readerTask{Kind: "discard", Server: server, Sessions: sessions, Nodes: o.nodes})
		if err != nil {
			return err
		}
		config := pagesConfig(server, o.nodes, "")
		scrape, err := l.scrapes("scrape", config, protobuf)
		if err != nil {
			return err
		}
		renew := l.renewer(server)
		results, err := measure([]subject{discard, scrape}, min(rounds, o.rounds), func() error {
			// The exporter sends 1,000 requests per second at most: let it
			// save them up, so that none has to wait.
			time.Sleep(time.Duration(max(sessions/pageSize, o.nodes)) * time.Millisecond)
			return renew()
		})
		if err != nil {
			return err
		}
		if err := l.check(config, sessions); err != nil {
			return err
		}
		r := &results[1]
		perSession := r.of(func(r reading) float64 { return float64(r.cpu.Microseconds()) / float64(sessions) })
		fmt.Fprintf(out, "| %d | %.1f | %.1f | %.1f | %.2f | %.1f |\n",
			sessions, results[0].of(wallOf), r.of(wallOf), r.of(cpuOf), perSession, float64(r.rss)/1e6)
		l.clear()
	}
	return nil
}
