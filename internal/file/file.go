// Package file reads small files that other programs write, on file systems that
// may hang.
package file

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Errors for a file that exists but cannot be read.
var (
	ErrNotRegular = errors.New("is not a regular file")
	ErrTooLarge   = errors.New("is too large")
	ErrLate       = errors.New("was not read in time: its file system hangs")
)

const (
	wait     = time.Second
	pauseMin = 10 * time.Second
	pauseMax = 10 * time.Minute
)

// Reader reads regular files with a time limit. The zero value is ready to use.
// It is safe for concurrent use.
//
// A system call that hangs cannot be cancelled and keeps a thread. So Reader does
// not read a file again while a read of it is in progress, until that read should
// have ended. Then it tries again, in case the file was replaced, at growing
// intervals while all reads hang.
type Reader struct {
	// Wait is how long Read waits for a file. 0 means one second.
	Wait time.Duration

	read func(path string, most int64) ([]byte, error) // for tests

	mu    sync.Mutex
	under map[string]*reading // by path: the last read that has not ended
}

// reading is a read in progress.
type reading struct {
	tries int           // earlier reads that have not ended
	again time.Time     // when another read may begin
	ended chan struct{} // closed when the read has ended
}

// Read returns the content of a regular file of up to most bytes. Errors are
// those of the operating system, of ctx, or of this package.
func (r *Reader) Read(ctx context.Context, path string, most int64) ([]byte, error) {
	timer := time.NewTimer(r.patience())
	defer timer.Stop()
	for {
		this, last, err := r.begin(path)
		if err != nil {
			return nil, err
		}
		if last == nil {
			return r.await(ctx, timer, path, most, this)
		}
		select {
		case <-last.ended:
		case <-timer.C:
			return nil, ErrLate
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// await starts reading a file and waits for the content.
func (r *Reader) await(ctx context.Context, timer *time.Timer, path string, most int64, this *reading) (content []byte, err error) {
	read := r.read
	if read == nil {
		read = readRegular
	}
	type result struct {
		content []byte
		err     error
	}
	done := make(chan result, 1)
	go func() {
		content, err := read(path, most)
		r.end(path, this)
		done <- result{content, err}
	}()
	select {
	case got := <-done:
		return got.content, got.err
	case <-timer.C:
		return nil, ErrLate
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Reader) patience() time.Duration {
	if r.Wait > 0 {
		return r.Wait
	}
	return wait
}

// begin registers a new read of a file. If another read is in progress, it
// returns that one to wait for, or ErrLate if it hangs and it is too early to try
// again.
func (r *Reader) begin(path string) (this, last *reading, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	this = &reading{again: now.Add(r.patience()), ended: make(chan struct{})}
	if last = r.under[path]; last != nil {
		switch {
		case !now.Before(last.again):
			this.tries = last.tries + 1
			this.again = now.Add(min(pauseMin<<min(last.tries, 10), pauseMax))
		case last.tries == 0:
			return nil, last, nil
		default:
			return nil, nil, ErrLate
		}
	}
	if r.under == nil {
		r.under = make(map[string]*reading)
	}
	r.under[path] = this
	return this, nil, nil
}

// end records that a read has ended.
func (r *Reader) end(path string, this *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(this.ended)
	if r.under[path] == this {
		delete(r.under, path)
	}
}

// readRegular reads a regular file. It does not open other files, because opening
// alone may hang or have side effects. If the file is replaced by another kind in
// between, it does not wait for that.
func readRegular(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, ErrTooLarge
	}
	return content, err
}
