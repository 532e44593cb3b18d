package config

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
)

// Warning is something in a valid configuration that is probably a mistake.
type Warning struct {
	Problem
	Exposed bool // every user of the machine can read a secret
}

// warn records what is probably wrong with the value.
func (v value) warn(format string, args ...any) { v.addWarning(false, fmt.Sprintf(format, args...)) }

func (v value) addWarning(exposed bool, message string) {
	w := Warning{Problem{v.d.file, v.node.Line, v.key, message, v.node.Column}, exposed}
	if !slices.Contains(v.d.warned, w) { // a value of defaults is decoded in each project
		v.d.warned = append(v.d.warned, w)
	}
}

var (
	projectShape  = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	instanceShape = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// projectID decodes a project's id.
func (v value) projectID(to *string) {
	if v.id(to); *to != "" && !projectShape.MatchString(*to) {
		v.warn("%s does not look like a project id (32 hexadecimal digits): is it a name? The console shows the id under My Credentials", v.quoted(*to))
	}
}

// instanceID decodes an instance's id.
func (v value) instanceID(to *string) {
	if v.id(to); *to != "" && !instanceShape.MatchString(*to) {
		v.warn("%s does not look like an instance id such as 1f63d64e-0000-4000-8000-000000000000: is it a name? check --online shows the id", v.quoted(*to))
	}
}

// variable matches what other programs would expand: ${NAME} and ${NAME:-x}
// anywhere, $NAME in capitals as a separate word, and $name as the whole value.
// It does not match the dollar at the end of a regular expression.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*([:?+=-][^}]*)?\}|(^|[^A-Za-z0-9_$])\$[A-Z_][A-Z0-9_]*($|[^A-Za-z0-9_])|^\$[A-Za-z_][A-Za-z0-9_]*$`)

// warnVariable warns about a variable in a text, without repeating the text.
func (v value) warnVariable(text string) {
	if !variable.MatchString(text) {
		return
	}
	instead := "write the value itself"
	switch name := v.name(); {
	case name == "proxy_url":
		instead += ", or set proxy_from_environment: true to use HTTPS_PROXY"
	case slices.Contains([]string{"access_key", "secret_key", "security_token"}, name):
		instead += ", or put it into a file and set " + name + "_file, or remove credentials: the default chain reads the environment"
	case v.secret:
		instead += ", or put it into a file and set " + name + "_file"
	}
	v.warn("contains a variable, and variables are not expanded: %s", instead)
}

// warnReadable warns about a secret file that every user can read.
func (v value) warnReadable(path string) {
	if info, err := os.Stat(path); err == nil && isReadableByAll(info) {
		v.addWarning(true, "file "+path+" can be read by every user of this machine: run chmod o-r on it")
	}
}

// warnInline warns about a secret in the configuration file itself, if every
// user can read that file.
func (v value) warnInline() {
	if v.d.readable {
		v.addWarning(true, "every user of this machine can read the file that contains this secret: run chmod o-r on it")
	}
}

func isReadableByAll(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
