package config

import (
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// file decodes the name of a file; a relative one starts at the
// configuration's folder. A name is not secret, but what cannot be one, such as
// a key that was pasted here, is not repeated.
func (v value) file() (string, bool) {
	path, ok := v.scalar("the name of a file")
	switch {
	case !ok:
		return "", false
	case path == "":
		v.problem("is empty: name a file")
		return "", false
	case len(path) > 1024 || strings.Contains(path, "-----BEGIN") || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		v.problem("is not the name of a file: what the file should hold does not belong here")
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.d.dir, path)
	}
	return path, true
}

// content reads a file of at most so many bytes, which must not be empty. Where
// secrets are, the name of a file that is not there is not repeated.
func (v value) content(path string, most int64) (string, bool) {
	info, err := os.Stat(path)
	switch {
	case v.secret && os.IsNotExist(err):
		v.problem("names a file that does not exist")
		return "", false
	case v.secret && err != nil:
		v.problem("names a file that cannot be looked at: check its path and permissions")
		return "", false
	case os.IsNotExist(err):
		v.problem("file %s does not exist", path)
		return "", false
	case err != nil:
		v.problem("file %s cannot be looked at: check its path and permissions", path)
		return "", false
	case !info.Mode().IsRegular():
		v.problem("%s is not a regular file", path)
		return "", false
	case info.Size() > most:
		v.problem("file %s is larger than %d KiB", path, most>>10)
		return "", false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		v.problem("file %s cannot be read: check its permissions", path)
		return "", false
	}
	if strings.TrimSpace(string(b)) == "" {
		v.problem("file %s is empty", path)
		return "", false
	}
	return string(b), true
}
