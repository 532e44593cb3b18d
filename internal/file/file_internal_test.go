package file

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestHangingFileSystem checks that a file whose reading hangs is given up in
// time, is seldom tried again, and is read as soon as it can be.
func TestHangingFileSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		mended := make(chan struct{})
		hanging, tries := true, 0
		r := Reader{read: func(string, int64) ([]byte, error) {
			mu.Lock()
			tries++
			hang := hanging
			mu.Unlock()
			if hang {
				<-mended
			}
			return []byte("x"), nil
		}}
		for start := time.Now(); time.Since(start) < time.Hour; {
			before := time.Now()
			if _, err := r.Read(t.Context(), "f", 1); !errors.Is(err, ErrLate) || time.Since(before) > time.Second {
				t.Fatalf("after %s: %v", time.Since(before), err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		mu.Lock()
		if tries < 5 || tries > 15 {
			t.Errorf("tried %d times in an hour", tries)
		}
		mu.Unlock()
		if b, err := r.Read(t.Context(), "g", 1); err == nil {
			t.Errorf("another file: %q", b)
		}
		// Another file in its place is found while the readings before hang on.
		mu.Lock()
		hanging = false
		mu.Unlock()
		time.Sleep(pauseMax)
		for range 2 {
			if b, err := r.Read(t.Context(), "f", 1); err != nil || string(b) != "x" {
				t.Errorf("after the file was replaced: %q, %v", b, err)
			}
		}
		// The file system is mended.
		close(mended)
		synctest.Wait()
		if b, err := r.Read(t.Context(), "g", 1); err != nil || string(b) != "x" {
			t.Errorf("after the file system was mended: %q, %v", b, err)
		}
	})
}

// TestContextOfARead checks that a reading is not waited for longer than the
// context says.
func TestContextOfARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := make(chan struct{})
		r := Reader{Wait: time.Minute, read: func(string, int64) ([]byte, error) {
			<-mended
			return nil, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := r.Read(ctx, "f", 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		close(mended)
	})
}
