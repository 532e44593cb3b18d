package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// Launch is Start for programs that are no tests: the caller must call End. A
// process that is returned with an error must be ended, too.
func Launch(ready *regexp.Regexp, path string, args ...string) (*Process, error) {
	p := &Process{
		Name: filepath.Base(path), command: exec.Command(path, args...), //nolint:noctx // it is stopped by End, by a signal
		log: &log{ready: ready, found: make(chan string, 1)}, ended: make(chan struct{}),
	}
	// Not the log itself: Wait would wait for what nobody reads, see Stall.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.command.Stdout, p.command.Stderr = write, write
	// It must not outlive the tests, even if they are killed. The signal comes
	// when the thread that has started it ends, so that thread must stay.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if p.err = p.command.Start(); p.err == nil {
			started <- nil
			_ = write.Close()
			copied := make(chan struct{})
			go func() {
				defer close(copied)
				_, _ = io.Copy(p.log, read)
				_ = read.Close()
			}()
			p.err = p.command.Wait()
			p.Resume()
			<-copied
		} else {
			_, _ = write.Close(), read.Close()
			started <- p.err
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	select {
	case p.Address = <-p.log.found:
		return p, nil
	case <-p.ended:
		return p, fmt.Errorf("%s has ended: %w", p.Name, asEnded(p.err))
	case <-time.After(startTimeout):
		return p, fmt.Errorf("%s does not listen", p.Name)
	}
}

// asEnded is the error of a program that has ended though it should run.
func asEnded(err error) error {
	if err == nil {
		return errors.New("exit code 0")
	}
	return err
}

// End sends SIGTERM and waits until the program has ended: an error if that
// takes too long, has happened before, or if the exit code is not 0. One that
// was ended or killed already is left alone.
func (p *Process) End() error {
	if p.command == nil {
		return nil
	}
	defer func() { p.command = nil }()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		<-p.ended
		return fmt.Errorf("%s has ended before the test: %w", p.Name, asEnded(p.err))
	}
	select {
	case <-p.ended:
		if p.err != nil {
			return fmt.Errorf("%s after SIGTERM: %w, want exit code 0", p.Name, p.err)
		}
		return nil
	case <-time.After(stopTimeout):
		_ = p.command.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s does not end after SIGTERM", p.Name)
	}
}

// Stall stops reading what the program writes, until Resume or its end.
func (p *Process) Stall() { p.log.stalled.Lock() }

// Resume ends Stall.
func (p *Process) Resume() {
	p.log.stalled.TryLock()
	p.log.stalled.Unlock()
}

// PID returns the program's process id.
func (p *Process) PID() int { return p.command.Process.Pid }
