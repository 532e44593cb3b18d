package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program under measurement, or one that such programs read. It
// ends with its context.
type process struct {
	ctx     context.Context
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Scanner
}

// start starts a program, with a place for its stderr.
func start(ctx context.Context, stderr io.Writer, name string, args ...string) (*process, error) {
	p := &process{ctx: ctx, command: exec.CommandContext(ctx, name, args...)}
	p.command.Stderr = stderr
	var err error
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdout = bufio.NewScanner(out)
	return p, p.command.Start()
}

// startSelf starts this program in another role, see main.
func startSelf(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, os.Stderr, self, args...)
}

// stop ends a program.
func (p *process) stop() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// receive decodes the next line that a program prints.
func (p *process) receive(into any) error {
	if !p.stdout.Scan() {
		return fmt.Errorf("%s ended", p.command.Args[0])
	}
	return json.Unmarshal(p.stdout.Bytes(), into)
}

// cpu returns the processor time that a process has used, by the kernel's own
// clock of it.
func cpu(pid int) (time.Duration, error) {
	var t unix.Timespec
	const schedulerClock = 2 // CPUCLOCK_SCHED: to the nanosecond
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// peakRSS returns the most memory that a process had resident, in bytes.
func peakRSS(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d tells no peak of its memory", pid)
}
