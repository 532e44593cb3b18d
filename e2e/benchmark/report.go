package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describe says where, when and what is measured.
func describe(out io.Writer, o options) error {
	model := "unknown processor"
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d × %s, Linux %s, %s. %d sessions on %d nodes; %d rounds, all subjects taking turns; medians, with quartiles in brackets.\n",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), model, unix.ByteSliceToString(system.Release[:]), runtime.Version(), o.sessions, o.nodes, o.rounds)
	return nil
}

// table prints results, and how many times the first each took.
func table(out io.Writer, results []result) {
	fmt.Fprint(out, "| | wall ms | times the first | CPU ms | times the first | peak RSS MB |\n|---|---:|---:|---:|---:|---:|\n")
	for i := range results {
		r, first := &results[i], &results[0]
		fmt.Fprintf(out, "| %s | %.1f | %.2f | %.1f | %.2f | %.1f |\n",
			r.name, r.of(wallOf), r.against(first, wallOf), r.of(cpuOf), r.against(first, cpuOf), float64(r.rss)/1e6)
	}
}

// Format implements fmt.Formatter: the median, and the quartiles in brackets.
func (s spread) Format(f fmt.State, verb rune) {
	number := fmt.FormatString(f, verb)
	fmt.Fprintf(f, number+" ("+number+"–"+number+")", s.median, s.low, s.high)
}
