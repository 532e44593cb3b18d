package config

import (
	"strings"

	"dcs_session_exporter/dcsapi"
)

// credentials decodes a key. v.secret must be set.
func (d *decoder) credentials(v value) *Credentials {
	var c Credentials
	switch {
	case !v.mapping(fields{
		"access_key":      func(v value) { v.secretText(&c.AccessKey.Value) },
		"access_key_file": func(v value) { v.secretFile(&c.AccessKey.File) },
		"secret_key": func(v value) {
			v.secretText(&c.SecretKey.Value)
			v.warnInline()
		},
		"secret_key_file": func(v value) { v.secretFile(&c.SecretKey.File) },
		"security_token": func(v value) {
			v.secretText(&c.SecurityToken.Value)
			v.warnInline()
		},
		"security_token_file": func(v value) { v.secretFile(&c.SecurityToken.File) },
	}):
		return nil
	case len(v.node.Content) == 0:
		v.problem("is empty: set access_key and secret_key, or remove credentials to use the default chain")
		return nil
	}
	for _, name := range []string{"access_key", "secret_key"} {
		v.notBoth(name)
		if !v.has(name) && !v.has(name+"_file") {
			v.at(name).problem("is missing: set %s or %s_file, or remove credentials to use the default chain", name, name)
		}
	}
	v.notBoth("security_token")
	return &c
}

// secretText decodes a secret that is later sent in a header. Problems never
// repeat it.
func (v value) secretText(to *string) {
	s, ok := v.scalar("a string")
	switch {
	case !ok:
	case s == "":
		v.problem("is empty")
	case !dcsapi.IsHeaderValue(s):
		v.problem("contains white space or other characters that cannot be part of a key")
	default:
		*to = s
	}
}

// secretFile decodes the name of a file that contains a secret on one line. If
// there is no such file, the name may be the secret itself, so problems do not
// repeat it.
func (v value) secretFile(to *string) {
	var path string
	if v.file(&path); path == "" {
		return
	}
	content, ok := v.content(path, dcsapi.MaxSecretFile)
	if !ok {
		return
	}
	v.warnReadable(path)
	content, marked := strings.CutPrefix(content, "\uFEFF")
	if marked {
		v.warn("file %s begins with a byte order mark, which is ignored: save it as UTF-8 without one", path)
	}
	switch {
	case strings.TrimSpace(content) == "":
		v.problem("file %s is empty", path)
	case !dcsapi.IsHeaderValue(strings.TrimSpace(content)):
		v.problem("file %s contains more than one word, or characters that cannot be part of a key", path)
	default:
		*to = path
	}
}
