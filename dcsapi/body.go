package dcsapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// room is a size that bodies of answers may have. Smaller sizes than the first
// are everybody's to take; of each other one there are so many places in this
// process. Who has a place in a larger room needs none but that, so that those
// who wait for one get it in the end.
type room struct {
	size   int
	places chan struct{}
}

// rooms are what all bodies that are being read and decoded share: 30 MiB, and
// 512 KiB for each request in flight. A page of 1,000 sessions has about 300 KiB.
var rooms = []room{
	{size: 512 << 10},
	{2 << 20, make(chan struct{}, 4)},
	{6 << 20, make(chan struct{}, 1)},
	{maxAnswer + bytes.MinRead, make(chan struct{}, 1)},
}

// errNoRoom says that others had the memory until the deadline.
var errNoRoom = errors.New("no memory for a large answer before the deadline: others are being read")

// body is the body of an answer. Its memory grows with what has come, never by
// what a header announces. It is made by newBody, and must be freed.
type body struct {
	bytes.Buffer
	room int // the largest it has a place in
}

// bodies holds memory of the first room's size at most.
var bodies = sync.Pool{New: func() any { return new(body) }}

func newBody() *body { return bodies.Get().(*body) }

// free gives the memory back. Nothing may be kept of it.
func (b *body) free() {
	b.leave()
	if b.Cap() > rooms[0].size {
		return
	}
	b.Reset()
	bodies.Put(b)
}

// leave gives the place back.
func (b *body) leave() {
	if b.room > 0 {
		<-rooms[b.room].places
	}
	b.room = 0
}

// readAnswer reads up to maxAnswer bytes, and one more if there are more. It
// calls onLong once if there are more than maxShort.
func (b *body) readAnswer(ctx context.Context, r io.Reader, onLong func()) error {
	for b.Len() <= maxAnswer {
		if b.Available() == 0 {
			if err := b.grow(ctx); err != nil {
				return err
			}
		}
		free := b.AvailableBuffer()
		n, err := r.Read(free[:min(cap(free), maxAnswer+1-b.Len())])
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

// grow makes room for more, and waits for it where that is scarce.
func (b *body) grow(ctx context.Context) error {
	const begin = 32 << 10
	if b.Cap() < rooms[0].size {
		b.move(min(max(begin, 2*b.Cap()), rooms[0].size))
		return nil
	}
	next := b.room + 1
	select {
	case rooms[next].places <- struct{}{}:
	case <-ctx.Done():
		return errNoRoom
	}
	b.leave()
	b.room = next
	b.move(rooms[next].size)
	return nil
}

// move copies what there is to memory of a size.
func (b *body) move(size int) {
	b.Buffer = *bytes.NewBuffer(append(make([]byte, 0, size), b.Bytes()...))
}
