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
func (v value) file(to *string) {
	path, ok := v.scalar("a file name")
	switch {
	case !ok:
	case path == "":
		v.problem("is empty: give a file name")
	case len(path) > 1024 || strings.Contains(path, "-----BEGIN") || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		v.problem("is not a file name: give the name of a file, not its content")
	case filepath.IsAbs(path):
		*to = path
	default:
		*to = filepath.Join(v.d.dir, path)
	}
}

// notBoth records a problem if a key and the same key of a file are both set.
func (v value) notBoth(name string) {
	if v.has(name) && v.has(name+"_file") {
		v.at(name).problem("set %s or %s_file, not both", name, name)
	}
}

// content reads a file of up to most bytes, which must not be empty. Below
// credentials, problems do not repeat the name of a file that perhaps does not
// exist.
func (v value) content(path string, most int64) (string, bool) {
	b, err := v.d.files.Read(context.Background(), path, most)
	name := "file " + path
	if v.secret {
		name = "names a file that"
	}
	switch {
	case os.IsNotExist(err):
		v.problem("%s does not exist", name)
	case errors.Is(err, file.ErrNotRegular):
		v.problem("%s is not a regular file", path)
	case errors.Is(err, file.ErrTooLarge):
		v.problem("file %s is larger than %d KiB", path, most>>10)
	case errors.Is(err, file.ErrLate):
		v.problem("%s could not be read in time: its file system hangs", name)
	case err != nil:
		v.problem("%s cannot be read: check its path and permissions", name)
	case strings.TrimSpace(string(b)) == "":
		v.problem("file %s is empty", path)
	default:
		return string(b), true
	}
	return "", false
}
