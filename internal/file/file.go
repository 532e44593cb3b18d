// Package file reads small files that somebody else writes, on file systems
// that may hang.
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

// What is wrong with a file that is there.
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

// Reader reads regular files, each within a time. The zero value is ready, and
// safe for concurrent use.
//
// A call of the operating system that hangs cannot be ended: it keeps a thread.
// So a file that is being read is not read again before that must have ended;
// then it is tried again, in case another one stands in its place, less and
// less often while all of them hang.
type Reader struct {
	// Wait is how long a file is waited for; 0 stands for a second.
	Wait time.Duration

	read func(path string, most int64) ([]byte, error) // for tests

	mu    sync.Mutex
	under map[string]*reading // the last one of each file that has not ended
}

// reading is one that is under way.
type reading struct {
	tries int           // those before that have not ended
	again time.Time     // when another one may begin
	ended chan struct{} // closed when it has
}

// Read returns the content of a regular file of at most so many bytes. Errors
// are those of the operating system, of ctx, or the package's own.
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

// await has a file read, and waits for it.
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

// begin notes that a file is going to be read. Instead it returns the reading
// to wait for first, or ErrLate if that hangs and it is not time for another.
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

// end notes that a reading has ended.
func (r *Reader) end(path string, this *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(this.ended)
	if r.under[path] == this {
		delete(r.under, path)
	}
}

// readRegular reads a regular file. Others are not opened, since that alone may
// hang, or do something; nor waited for, should one have come in between.
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
