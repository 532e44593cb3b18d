package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document parses data, which must be a single YAML document, and returns its
// root.
func (d *decoder) document(data []byte) (value, bool) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if at := invalidUTF8(data); at >= 0 {
		d.add(&yaml.Node{Line: lineAt(data, at)}, "", "is not UTF-8 text")
		return value{}, false
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		d.add(new(yaml.Node), "", "is empty")
		return value{}, false
	}
	if err == nil {
		switch err = decoder.Decode(&second); {
		case err == nil:
			d.add(&second, "", "has a second document: the configuration must be a single one")
		case errors.Is(err, io.EOF):
			err = nil
		}
	}
	if err != nil {
		d.syntax(data, err.Error())
		return value{}, false
	}
	root := value{d: d, node: doc.Content[0]}
	if root.null() {
		d.add(new(yaml.Node), "", "is empty")
		return value{}, false
	}
	return root, root.plain()
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// lineAt returns the line number of a byte.
func lineAt(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }

// syntaxKind is an own message for an error of the YAML parser, whose message
// may quote the text.
type syntaxKind struct {
	part    string // a part of the parser's message that is not quoted text
	message string
	late    bool // the parser counts the lines of this error from 0
}

// syntaxKinds returns the known errors. The first that matches counts.
func syntaxKinds() []syntaxKind {
	return []syntaxKind{
		{"did not find expected key", "wrong indentation, quote or comma in the block that begins here", true},
		{"did not find expected '-' indicator", "wrong indentation, quote or comma in the list that begins here", true},
		{"did not find expected ',' or ']'", "a list in [ ] that begins here or earlier lacks a comma or its closing bracket", true},
		{"did not find expected ',' or '}'", "a mapping in { } that begins here or earlier lacks a comma or its closing bracket", true},
		{"did not find expected node content", "a value is missing, or there is an extra bracket", true},
		{"did not find expected <document start>", "text after the end of the document: check indentation and brackets", true},
		{"mapping values are not allowed", "unexpected colon: quote the value, or check the indentation", false},
		{"could not find expected ':'", "a key needs a colon and a space after it", false},
		{"tab character", "indentation with a tab: use spaces", false},
		{"cannot start any token", "indentation with a tab, or a value that begins with a character such as @ or %: use spaces, or quote the value", false},
		{"unexpected end of stream", "a quote that opens here or earlier is not closed", false},
		{"unexpected document indicator", "a quote that opens here or earlier is not closed", false},
		{"escape", "invalid backslash escape in double quotes: use single quotes", false},
		{"unknown anchor", "anchors and aliases are not supported: write the value itself, or quote it if it begins with *", false},
	}
}

var lineNumber = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax records that the text is not YAML. It repeats only the line number of
// the parser's message.
func (d *decoder) syntax(data []byte, message string) {
	at := bytes.IndexFunc(data, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f })
	if strings.Contains(message, "control characters") && at >= 0 {
		d.add(&yaml.Node{Line: lineAt(data, at)}, "", "is not valid YAML: a control character")
		return
	}
	line, kind, late := 1, "check indentation, colons and quotes on this line and the one before", false
	for _, k := range syntaxKinds() {
		if strings.Contains(message, k.part) {
			kind, late = k.message, k.late
			break
		}
	}
	if m := lineNumber.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		if late {
			line++
		}
	} else if strings.HasPrefix(message, "yaml: unknown anchor") {
		line = 0 // the message has no line
	}
	last := lineAt(data, len(bytes.TrimRight(data, "\r\n")))
	d.add(&yaml.Node{Line: min(line, last)}, "", "is not valid YAML: "+kind)
}
