package recording

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWriteAndRead checks that what is written can be read, and that an archive
// lacking a part is refused.
func TestWriteAndRead(t *testing.T) {
	r := one(t, sessionsPath+"?limit=1000", `{"time":"2026-03-01T08:00:00.123Z","count":1,"clients":[{"id":"1","addr":"10.1.2.3:4000"}]}`)
	r.Manifest.Projects = []Project{{Region: "cn-north-4", Discover: DiscoverAll}}
	packed := archive(t, r)
	got, err := Read(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if again := archive(t, got); !bytes.Equal(again, packed) {
		t.Errorf("it became\n%s\nwant\n%s", unpacked(t, again), unpacked(t, packed))
	}
	for n := range packed {
		if _, err := Read(bytes.NewReader(packed[:n])); err == nil {
			t.Errorf("the first %d of %d bytes are a recording", n, len(packed))
		}
	}
}

// packed returns an archive of files, in pairs of name and content.
func packed(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, files[i+1])
	}
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// TestReadRefuses checks that archives that are no recordings are refused with the
// reason.
func TestReadRefuses(t *testing.T) {
	const manifest, exchange = `{"format_version":1}`, `{"request":{"method":"GET","path":"/v2"},"response":{"status":200}}`
	damaged := packed(t, "manifest.json", manifest, "exchanges/1.json", exchange)
	damaged[len(damaged)/2] ^= 0xff
	for _, tt := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"text", []byte("not an archive at all, but a text"), "not a compressed archive"},
		{"nothing", nil, "not a compressed archive, or truncated"},
		{"another archive", packed(t, "a.txt", "a"), "not a recording: it has no manifest.json"},
		{"damaged", damaged, "damaged"},
		{"no exchanges", packed(t, "manifest.json", manifest), "no exchanges"},
		{"a later version", packed(t, "manifest.json", `{"format_version":2}`), "format version is 2: this program reads version 1"},
		{"no JSON", packed(t, "manifest.json", manifest, "exchanges/1.json", "{"), `"exchanges/1.json" is malformed`},
		{"no path", packed(t, "manifest.json", manifest, "exchanges/1.json", "{}"), "exchange 1: its request has no path"},
		{"a status", packed(t, "manifest.json", manifest, "exchanges/1.json", strings.Replace(exchange, "200", "1", 1)), "exchange 1: its status is 1"},
		{"a length", packed(t, "manifest.json", manifest, "exchanges/1.json", strings.Replace(exchange, "200", `200,"length":999999999999`, 1)), "exchange 1: its length is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Read(bytes.NewReader(tt.archive)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestReadBounds checks that an archive that unpacks to more than a recording may
// have is refused, also if none of its files are read.
func TestReadBounds(t *testing.T) {
	large := packed(t, "ignored/1", strings.Repeat(" ", 3<<20), "ignored/2", strings.Repeat(" ", 3<<20))
	if _, err := read(bytes.NewReader(large), bounds{4 << 20, 5 << 20, 1 << 20, 100}); err == nil || !strings.Contains(err.Error(), "more than 5 MiB unpacked") {
		t.Errorf("all files: %v", err)
	}
	if _, err := read(bytes.NewReader(large), bounds{2 << 20, 8 << 20, 1 << 20, 100}); err == nil || !strings.Contains(err.Error(), `"ignored/1" has more than 2 MiB`) {
		t.Errorf("a file: %v", err)
	}
	manifest := `{"format_version":1,"projects":[` + strings.Repeat("{},", 1<<20) + `{}]}`
	if _, err := Read(bytes.NewReader(packed(t, "manifest.json", manifest+strings.Repeat(" ", allowed.manifest)))); err == nil || !strings.Contains(err.Error(), `"manifest.json" has more than 4 MiB`) {
		t.Errorf("the manifest: %v", err)
	}
	query := `{"request":{"method":"GET","path":"/v2","query":{"a":[` + strings.Repeat(`"",`, 60) + `""]}},"response":{"status":200}}`
	many := packed(t, "manifest.json", `{"format_version":1}`, "exchanges/1", query, "exchanges/2", query)
	if _, err := read(bytes.NewReader(many), bounds{1 << 20, 1 << 20, 1 << 20, 100}); err == nil || !strings.Contains(err.Error(), "more than 100 values") {
		t.Errorf("values: %v", err)
	}
}

// fullDisk is a writer on which there is room for some bytes.
type fullDisk int

func (f *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), int(*f))
	*f -= fullDisk(n)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// TestFullDisk checks that writing fails wherever the room ends.
func TestFullDisk(t *testing.T) {
	r := one(t, sessionsPath, `{"count":0,"clients":[]}`)
	size := len(archive(t, r))
	for room := 0; room < size; room += 5 {
		full := fullDisk(room)
		if err := Write(&full, r); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d of %d bytes: %v", room, size, err)
		}
	}
}

// TestWriteBounds checks that nothing is written that could not be read.
func TestWriteBounds(t *testing.T) {
	r := one(t, sessionsPath, `{"clients":[`+strings.Repeat("0,", 1000)+`0]}`)
	if err := write(io.Discard, r, bounds{4000, 1 << 20, 1 << 20, 10_000}); !errors.Is(err, ErrTooLarge) { // with its white space it has more
		t.Errorf("a large file: %v", err)
	}
	if err := write(io.Discard, r, bounds{1 << 20, 10_000, 1 << 20, 10_000}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large files: %v", err)
	}
	if err := write(io.Discard, r, bounds{1 << 20, 1 << 20, 1 << 20, 999}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many values: %v", err)
	}
	if err := write(io.Discard, r, bounds{1 << 20, 1 << 20, 1 << 20, 10_000}); err != nil {
		t.Error(err)
	}
}

// TestFile checks that a file has its name only once it is complete.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording.tar.gz")
	names := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	begin := func() *File {
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		return f
	}
	begin().Discard()
	if got := names(); got != nil {
		t.Errorf("a discarded file leaves %v", got)
	}
	for range 2 { // the second one replaces the first
		f := begin()
		if got := names(); len(got) > 2 || strings.HasPrefix(got[0], "recording") {
			t.Errorf("before it is complete there is %v", got)
		}
		if size, err := f.Commit(); err != nil || size != 7 {
			t.Fatalf("%d bytes, %v", size, err)
		}
		f.Discard()
		if got := names(); len(got) != 1 || got[0] != "recording.tar.gz" {
			t.Errorf("there is %v", got)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a directory: %v", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a symbolic link: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "none", "x")); err == nil || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("no such directory: %v", err)
	}
}
