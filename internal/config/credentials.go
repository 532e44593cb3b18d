package config

import (
	"os"
	"path/filepath"
	"strings"
)

// maxSecretFile bounds the files that hold a secret.
const maxSecretFile = 64 << 10

// credentials decodes a key. v is secret.
func (d *decoder) credentials(v value) *Credentials {
	var c Credentials
	v.mapping(fields{
		"access_key":          func(v value) { v.secretText(&c.AccessKey.Value) },
		"access_key_file":     func(v value) { v.secretFile(&c.AccessKey.File) },
		"secret_key":          func(v value) { v.secretText(&c.SecretKey.Value) },
		"secret_key_file":     func(v value) { v.secretFile(&c.SecretKey.File) },
		"security_token":      func(v value) { v.secretText(&c.SecurityToken.Value) },
		"security_token_file": func(v value) { v.secretFile(&c.SecurityToken.File) },
	})
	for _, s := range []struct {
		name     string
		required bool
	}{{"access_key", true}, {"secret_key", true}, {"security_token", false}} {
		value, file := v.has(s.name), v.has(s.name+"_file")
		switch {
		case value && file:
			v.at(s.name).problem("set %s or %s_file, not both", s.name, s.name)
		case !value && !file && s.required:
			v.at(s.name).problem("is missing: set %s or %s_file, or leave credentials out to use the default chain", s.name, s.name)
		}
	}
	return &c
}

// secretText decodes a text that is sent in a header and never repeated.
func (v value) secretText(to *string) {
	s, ok := v.scalar("a text")
	switch {
	case !ok:
	case s == "":
		v.problem("is empty")
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		v.problem("holds white space or other characters that no key has")
	default:
		*to = s
	}
}

// secretFile decodes the name of a file that holds a secret on one line.
func (v value) secretFile(to *string) {
	v.secret = false // the name is none
	path, ok := v.file()
	if !ok {
		return
	}
	content, ok := v.content(path)
	switch {
	case !ok:
	case strings.TrimSpace(content) == "":
		v.problem("file %s is empty", path)
	case strings.ContainsFunc(strings.TrimSpace(content), func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		v.problem("file %s holds more than one word, or characters that no key has", path)
	default:
		*to = path
	}
}

// file decodes the name of a file; a relative one starts at the
// configuration's folder.
func (v value) file() (string, bool) {
	path, ok := v.scalar("the name of a file")
	if !ok {
		return "", false
	}
	if path == "" {
		v.problem("is empty: name a file")
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.d.dir, path)
	}
	return path, true
}

// content reads a small file.
func (v value) content(path string) (string, bool) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		v.problem("file %s does not exist", path)
		return "", false
	case err != nil:
		v.problem("file %s cannot be looked at: check its path and permissions", path)
		return "", false
	case !info.Mode().IsRegular():
		v.problem("%s is not a regular file", path)
		return "", false
	case info.Size() > maxSecretFile:
		v.problem("file %s is larger than %d KiB", path, maxSecretFile>>10)
		return "", false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		v.problem("file %s cannot be read: check its permissions", path)
		return "", false
	}
	return string(b), true
}
