package dcsapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBody reads bodies of all sizes.
func TestBody(t *testing.T) {
	for _, size := range []int{0, 1, 32 << 10, 512 << 10, 512<<10 + 1, 2 << 20, 6<<20 + 7, maxResponse - 1, maxResponse, maxResponse + 1, maxResponse + 100} {
		want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		b := newBody()
		if err := b.read(t.Context(), bytes.NewReader(want), func() {}); err != nil {
			t.Fatal(err)
		}
		if want = want[:min(size, maxResponse+1)]; !bytes.Equal(b.Bytes(), want) {
			t.Errorf("of %d bytes %d were read, want %d", size, b.Len(), len(want))
		}
		if b.Cap() > sizeClasses[b.class].size {
			t.Errorf("%d bytes take %d, more than %d", size, b.Cap(), sizeClasses[b.class].size)
		}
		b.free()
		for _, r := range sizeClasses[1:] {
			if len(r.tokens) != 0 {
				t.Fatalf("after %d bytes a place of %d is taken", size, r.size)
			}
		}
	}
}

// TestBodiesShareMemory lets readers of many large bodies, which come at once,
// and of bodies that hang, take turns.
func TestBodiesShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := sizeClasses
		defer func() {
			synctest.Wait() // until all have given their memory back
			sizeClasses = old
		}()
		sizeClasses = []sizeClass{old[0]}
		total := 0
		for _, r := range old[1:] {
			sizeClasses = append(sizeClasses, sizeClass{r.size, make(chan struct{}, cap(r.tokens))})
			total += r.size * cap(r.tokens)
		}
		if most := 41 << 20; total > most {
			t.Errorf("large bodies may take %d bytes, want at most %d", total, most)
		}
		hanging, stop := io.Pipe()
		done := make(chan error)
		for range 30 {
			go func() {
				b := newBody()
				defer b.free()
				done <- b.read(t.Context(), strings.NewReader(strings.Repeat(" ", 10<<20)), func() {})
			}()
		}
		for range 30 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		go func() {
			b := newBody()
			defer b.free()
			done <- b.read(t.Context(), io.MultiReader(strings.NewReader(strings.Repeat(" ", 7<<20)), hanging), func() {})
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b := newBody()
		if err := b.read(ctx, strings.NewReader(strings.Repeat(" ", 7<<20)), func() {}); !errors.Is(err, errNoMemory) {
			t.Errorf("a second body of that size: %v", err)
		}
		b.free()
		b = newBody()
		if err := b.read(ctx, strings.NewReader(strings.Repeat(" ", 400<<10)), func() {}); err != nil {
			t.Errorf("a page of usual size: %v", err)
		}
		b.free()
		_ = stop.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
