package dcsapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// sizeClass is a capacity that the buffer of a body may have. There are so many
// tokens in this process for each class but the first, which is free to take.
// A body that has a token of one class returns it when it gets one of the next,
// so that those who wait always get one in the end.
type sizeClass struct {
	size   int
	tokens chan struct{}
}

// sizeClasses are shared by all bodies that are being read and decoded: 30 MiB,
// and 512 KiB for each request in flight. A page of 1,000 sessions has about
// 300 KiB.
var sizeClasses = []sizeClass{
	{size: 512 << 10},
	{2 << 20, make(chan struct{}, 4)},
	{6 << 20, make(chan struct{}, 1)},
	{maxResponse + bytes.MinRead, make(chan struct{}, 1)},
}

// errNoMemory is returned when no token could be had before the deadline.
var errNoMemory = errors.New("no memory for a large response before the deadline: other large responses are being read")

// body is the body of a response. Its buffer grows with what is received, never
// by what a header announces. It is made by newBody and must be freed.
type body struct {
	bytes.Buffer
	class int // index of the largest class that it has a token of
}

// bodyPool holds buffers of at most the first class's size.
var bodyPool = sync.Pool{New: func() any { return new(body) }}

func newBody() *body { return bodyPool.Get().(*body) }

// free returns the buffer. No part of it may be used afterwards.
func (b *body) free() {
	if b.class > 0 {
		b.Buffer = bytes.Buffer{} // b may be referred to for longer
		b.returnToken()
		return
	}
	b.Reset()
	bodyPool.Put(b)
}

func (b *body) returnToken() {
	if b.class > 0 {
		<-sizeClasses[b.class].tokens
	}
	b.class = 0
}

// read reads up to maxResponse bytes, and one more if there are more. It calls
// onLong once if there are more than maxShort.
func (b *body) read(ctx context.Context, r io.Reader, onLong func()) error {
	for b.Len() <= maxResponse {
		if b.Available() == 0 {
			if err := b.grow(ctx); err != nil {
				return err
			}
		}
		free := b.AvailableBuffer()
		n, err := r.Read(free[:min(cap(free), maxResponse+1-b.Len())])
		before := b.Len()
		b.Write(free[:n])
		if before <= maxShort && b.Len() > maxShort {
			onLong()
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// grow makes room for more, and waits for a token where one is needed.
func (b *body) grow(ctx context.Context) error {
	const initial = 32 << 10
	if b.Cap() < sizeClasses[0].size {
		b.reallocate(min(max(initial, 2*b.Cap()), sizeClasses[0].size))
		return nil
	}
	next := b.class + 1
	select {
	case sizeClasses[next].tokens <- struct{}{}:
	case <-ctx.Done():
		return errNoMemory
	}
	b.returnToken()
	b.class = next
	b.reallocate(sizeClasses[next].size)
	return nil
}

// reallocate moves the content to a buffer of another size.
func (b *body) reallocate(size int) {
	b.Buffer = *bytes.NewBuffer(append(make([]byte, 0, size), b.Bytes()...))
}
