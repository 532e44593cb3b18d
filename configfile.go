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

// pipePatience is how long a reload waits for a pipe to be written to its end.
const pipePatience = 10 * time.Second

// pipeError says why a configuration cannot be reloaded from a pipe.
type pipeError struct{ error }

// Unwrap returns the cause.
func (e pipeError) Unwrap() error { return e.error }

// configFile reads the daemon's configuration file. A regular file can be
// loaded any number of times, a pipe only while it has a writer. A configFile
// is not safe for concurrent use.
type configFile struct {
	path   string
	loaded bool // true after the first successful load
}

// load reads and validates the configuration. It returns early when ctx ends,
// even if it is waiting for a pipe to get a writer.
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

// read reads a configuration file, which may be a pipe. If again is set, a pipe
// must already have a writer.
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
		err = pipeError{fmt.Errorf("%s is a pipe that has been read to its end: restart the exporter with a new configuration, or use a regular file for --config.file", path)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = pipeError{fmt.Errorf("%s is a pipe that was not written to its end within %s: reload once it is complete", path, pipePatience)}
	}
	return nil, err
}
