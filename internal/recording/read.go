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
	"strings"
)

// bounds are limits of an archive.
type bounds struct {
	file     int // bytes of a file in it
	unpacked int // bytes of all of them
	manifest int // bytes of the manifest
	values   int // commas in all files: an empty value takes much more memory than text
}

// allowed are the limits of archives, for reading and writing. One that is read may
// come from anybody.
var allowed = bounds{file: 64 << 20, unpacked: 384 << 20, manifest: 4 << 20, values: 16 << 20}

const maxExchanges = 200_000

// fileOf returns the limit of a file in bytes.
func (b bounds) fileOf(name string) int {
	if name == manifestName {
		return b.manifest
	}
	return b.file
}

// Load reads the recording in a file, as Read does.
func Load(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recording %s: %w", path, err)
	}
	return r, nil
}

// Read reads an archive that Write has written. Files with other names are
// ignored. It is safe for archives from untrusted sources: what is larger than a
// recording can be, truncated or malformed is an error.
func Read(in io.Reader) (*Recording, error) { return read(in, allowed) }

// read is Read with other limits.
func read(in io.Reader, most bounds) (*Recording, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("not a compressed archive, or truncated: %w", err)
	}
	limited := &io.LimitedReader{R: z, N: int64(most.unpacked)}
	t := tar.NewReader(limited)
	var out Recording
	values := 0
	for {
		header, err := t.Next()
		switch {
		case limited.N <= 0:
			return nil, fmt.Errorf("too large: it has more than %d MiB unpacked", most.unpacked>>20)
		case errors.Is(err, io.EOF):
			if _, err := io.Copy(io.Discard, limited); err != nil { // the checksum comes last
				return nil, fmt.Errorf("truncated or damaged: %w", err)
			}
			return &out, out.check()
		case err != nil:
			return nil, fmt.Errorf("truncated or damaged: %w", err)
		case header.Size > int64(most.fileOf(header.Name)):
			return nil, fmt.Errorf("too large: %.100q has more than %d MiB", header.Name, most.fileOf(header.Name)>>20)
		}
		var to any
		switch {
		case header.Typeflag != tar.TypeReg:
			continue
		case header.Name == manifestName:
			to = &out.Manifest
		case strings.HasPrefix(header.Name, exchangesName):
			if len(out.Exchanges) == maxExchanges {
				return nil, fmt.Errorf("too large: it has more than %d exchanges", maxExchanges)
			}
			out.Exchanges = append(out.Exchanges, Exchange{})
			to = &out.Exchanges[len(out.Exchanges)-1]
		default:
			continue
		}
		content, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("truncated or damaged: %w", err)
		}
		if values += bytes.Count(content, []byte(",")); values > most.values {
			return nil, fmt.Errorf("too large: it has more than %d values", most.values)
		}
		if err := json.Unmarshal(content, to); err != nil {
			return nil, fmt.Errorf("%.100q is malformed: %w", header.Name, err)
		}
	}
}

// check returns what is wrong with a recording, and compacts its bodies.
func (r *Recording) check() error {
	switch {
	case r.Manifest.FormatVersion == 0:
		return fmt.Errorf("not a recording: it has no %s, or one without format_version", manifestName)
	case r.Manifest.FormatVersion != FormatVersion:
		return fmt.Errorf("its format version is %d: this program reads version %d", r.Manifest.FormatVersion, FormatVersion)
	case len(r.Exchanges) == 0:
		return errors.New("it has no exchanges")
	}
	for i := range r.Exchanges {
		x := &r.Exchanges[i]
		if !strings.HasPrefix(x.Request.Path, "/") {
			return fmt.Errorf("exchange %d: its request has no path", i+1)
		}
		if x.Response == nil {
			continue
		}
		if s := x.Response.Status; s < 200 || s > 599 {
			return fmt.Errorf("exchange %d: its status is %d", i+1, s)
		}
		if x.Response.Length < 0 || x.Response.Length > allowed.file {
			return fmt.Errorf("exchange %d: its length is %d", i+1, x.Response.Length)
		}
		var b bytes.Buffer
		if err := json.Compact(&b, x.Response.Body); err == nil {
			x.Response.Body = b.Bytes()
		}
	}
	return nil
}
