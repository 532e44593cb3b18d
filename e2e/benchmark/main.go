// The benchmark measures the exporter on this machine: whole scrapes against
// reading the same pages and throwing them away, against the vendor's client,
// and against redis_exporter on the same Redis. It prints Markdown.
//
//	go -C e2e run ./benchmark
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// options say what is measured.
type options struct {
	sessions      int
	nodes         int
	rounds        int
	latency       time.Duration
	growth        []int
	redisClients  int
	redisExporter string // "" to leave the comparison out
}

// run is the program. Its first argument may name the role of a process that
// it has started itself.
func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "pages":
			go func() { // ends with the process that has started it
				_, _ = io.Copy(io.Discard, stdin)
				os.Exit(0)
			}()
			return servePages(ctx, args[1:], stdout)
		case "read":
			return read(ctx, args[1:], stdin, stdout)
		}
	}
	var o options
	var growth string
	flags := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	flags.IntVar(&o.sessions, "sessions", 100_000, "sessions of all nodes together")
	flags.IntVar(&o.nodes, "nodes", 10, "nodes of the instance")
	flags.IntVar(&o.rounds, "rounds", 25, "how often each subject does its work; they take turns")
	flags.DurationVar(&o.latency, "latency", 30*time.Millisecond, "what each request takes where latency is measured")
	flags.StringVar(&growth, "growth", "1000,10000,100000,1000000", "numbers of sessions to show growth with")
	flags.IntVar(&o.redisClients, "redis-clients", 5000, "idle clients of the Redis that redis_exporter is compared on")
	flags.StringVar(&o.redisExporter, "redis-exporter", os.Getenv("REDIS_EXPORTER"), "path of a redis_exporter; without one the comparison is left out (environment: REDIS_EXPORTER)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for text := range strings.SplitSeq(growth, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("-growth: %w", err)
		}
		o.growth = append(o.growth, n)
	}
	return bench(ctx, o, stdout)
}

// bench measures everything.
func bench(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "dcs_benchmark")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l := &lab{ctx: ctx, dir: dir}
	if l.exporter, err = build(ctx, dir, "dcs_session_exporter"); err != nil {
		return err
	}
	if err := describe(out, o); err != nil {
		return err
	}
	for _, part := range []func(*lab, options, io.Writer) error{benchScrapes, benchExposition, benchGrowth, benchRedis} {
		err := part(l, o, out)
		l.clear()
		if err != nil {
			return err
		}
	}
	return nil
}
