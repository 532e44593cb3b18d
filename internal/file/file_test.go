package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dcs_session_exporter/internal/file"
)

// TestRead checks what is read, and what is refused.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"good": "content", "empty": "", "large": strings.Repeat("x", 11)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600), os.Symlink("fifo", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	var r file.Reader
	for _, tt := range []struct {
		name, want string
		err        error
	}{
		{"good", "content", nil},
		{"empty", "", nil},
		{"large", "", file.ErrTooLarge},
		{"missing", "", fs.ErrNotExist},
		{".", "", file.ErrNotRegular},
		{"fifo", "", file.ErrNotRegular},
		{"link", "", file.ErrNotRegular},
	} {
		got, err := r.Read(t.Context(), filepath.Join(dir, tt.name), 10)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}
