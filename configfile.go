package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"dcs_session_exporter/internal/config"
)

// pipePatience is how long a reload waits for the rest of what somebody writes
// to a pipe.
const pipePatience = 10 * time.Second

// pipeError is why a pipe has not given a configuration again.
type pipeError struct{ error }

// Unwrap returns the cause.
func (e pipeError) Unwrap() error { return e.error }

// configFile is the configuration file as the daemon reads it: again and again
// if it is a file, once if it is a pipe that nobody writes to any more. It is
// not safe for concurrent use.
type configFile struct {
	path   string
	loaded bool // at least once
}

// load reads and validates the configuration. It returns when ctx ends, also
// while a pipe has no writer.
func (c *configFile) load(ctx context.Context) (*config.Config, error) {
	type result struct {
		cfg *config.Config
		err error
	}
	results := make(chan result, 1)
	again := c.loaded
	go func() {
		cfg, err := read(c.path, again)
		results <- result{cfg, err}
	}()
	select {
	case r := <-results:
		c.loaded = c.loaded || r.err == nil
		return r.cfg, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read reads a configuration file, which may be a pipe. Where it is read again,
// a pipe must have a writer already.
func read(path string, again bool) (*config.Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !again || info.Mode()&fs.ModeNamedPipe == 0 {
		return config.Load(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.SetReadDeadline(time.Now().Add(pipePatience)); err != nil {
		return nil, err
	}
	b := bufio.NewReader(f)
	if _, err = b.Peek(1); err == nil {
		var cfg *config.Config
		if cfg, err = config.Read(b, path); err == nil {
			return cfg, nil
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		err = pipeError{fmt.Errorf("%s is a pipe that has been read to its end: restart the exporter to give it another configuration, or name a file with --config.file", path)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = pipeError{fmt.Errorf("%s is a pipe that was not written to its end within %s: reload when it is", path, pipePatience)}
	}
	return nil, err
}
