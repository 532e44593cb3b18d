package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"dcs_session_exporter/internal/file"
)

// file decodes a file name. A relative one starts at the configuration's
// folder. File names are not secret, but problems do not repeat text that cannot
// be a file name, such as a pasted key.
func (v value) file() (string, bool) {
	path, ok := v.scalar("a file name")
	switch {
	case !ok:
		return "", false
	case path == "":
		v.problem("is empty: give a file name")
		return "", false
	case len(path) > 1024 || strings.Contains(path, "-----BEGIN") || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		v.problem("is not a file name: give the name of a file, not its content")
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.d.dir, path)
	}
	return path, true
}

// content reads a file of up to most bytes, which must not be empty. Below
// credentials, problems do not repeat the name of a file that does not exist.
func (v value) content(path string, most int64) (string, bool) {
	b, err := v.d.files.Read(context.Background(), path, most)
	switch {
	case v.secret && os.IsNotExist(err):
		v.problem("names a file that does not exist")
	case os.IsNotExist(err):
		v.problem("file %s does not exist", path)
	case errors.Is(err, file.ErrNotRegular):
		v.problem("%s is not a regular file", path)
	case errors.Is(err, file.ErrTooLarge):
		v.problem("file %s is larger than %d KiB", path, most>>10)
	case errors.Is(err, file.ErrLate) && v.secret:
		v.problem("names a file that could not be read in time: its file system hangs")
	case errors.Is(err, file.ErrLate):
		v.problem("file %s could not be read in time: its file system hangs", path)
	case err != nil && v.secret:
		v.problem("names a file that cannot be read: check its path and permissions")
	case err != nil:
		v.problem("file %s cannot be read: check its path and permissions", path)
	case strings.TrimSpace(string(b)) == "":
		v.problem("file %s is empty", path)
	default:
		return string(b), true
	}
	return "", false
}
