package recording

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The names of an archive's files; those of exchanges are numbered.
const (
	manifestName  = "manifest.json"
	readmeName    = "README.txt"
	exchangesName = "exchanges/"
)

const readme = `This is an anonymous recording of the answers of the DCS API, made by
dcs_session_exporter record. Everything in it is plain JSON:

  manifest.json    what was recorded, and when
  exchanges/       the requests and responses, in order, a file for each

Ids, addresses, names, users, tags and texts that are not known to be harmless are
replaced, the same ones everywhere by the same replacement. dcs_emulator
--replay=FILE serves a recording. docs/recording.md says more.
`

// Write writes a recording as a compressed tar archive. It returns ErrTooLarge for
// one that Read would refuse for its size, after a part may have been written.
func Write(w io.Writer, r *Recording) error { return write(w, r, allowed) }

// write is Write with other limits.
func write(w io.Writer, r *Recording, most bounds) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	total, values := 0, 0
	add := func(name string, content []byte) error {
		// What cannot be read must not be written.
		total += len(content) + 1024
		values += bytes.Count(content, []byte(","))
		if len(content) > most.fileOf(name) || total > most.unpacked || values > most.values {
			return ErrTooLarge
		}
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: r.Manifest.RecordedAt, Format: tar.FormatPAX}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		_, err := t.Write(content)
		return err
	}
	addJSON := func(name string, v any) error {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(v); err != nil {
			return err
		}
		return add(name, b.Bytes())
	}
	if err := add(readmeName, []byte(readme)); err != nil {
		return err
	}
	if err := addJSON(manifestName, r.Manifest); err != nil {
		return err
	}
	for i, x := range r.Exchanges {
		_, asked := splitPath(x.Request.Path)
		if err := addJSON(fmt.Sprintf("%s%06d-%s-%s.json", exchangesName, i+1, strings.ToLower(x.Request.Method), asked), x); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// File is a file that comes into being as a whole or not at all: it has a
// temporary name beside its own until Commit. It must be committed or discarded.
type File struct {
	path string
	file *os.File
}

// Create begins a file, which only its owner can read. It is an error if something
// other than a regular file has its name, such as the symbolic link /dev/stdout:
// Commit would replace that rather than write to it.
func Create(path string) (*File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s exists and is not a regular file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("cannot create %s: %w", path, withoutPath(err))
	}
	return &File{path, f}, nil
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	return n, withoutPath(err)
}

// Commit gives the file its name, in place of one that had it, and returns its
// size. If it fails, nothing is left of the file.
func (f *File) Commit() (size int64, err error) {
	defer f.Discard()
	size, err = f.file.Seek(0, io.SeekEnd)
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		err = f.file.Close()
	}
	if err == nil {
		err = os.Rename(f.file.Name(), f.path)
	}
	return size, withoutPath(err)
}

// Discard removes the file. It does nothing after Commit.
func (f *File) Discard() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}

// withoutPath returns an error without the temporary name, which nobody knows.
func withoutPath(err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return failed.Err
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return failed.Err
	}
	return err
}
