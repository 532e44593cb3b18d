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

// document parses the text, which must be one YAML document, and returns its
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
			d.add(&second, "", "a second document: the configuration is one")
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

// invalidUTF8 returns where the first byte that is not UTF-8 stands, or -1.
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

// lineAt returns the number of the line that a byte stands on.
func lineAt(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }

// syntaxKind words an error of the YAML parser, which may quote the text.
type syntaxKind struct {
	part    string // what the parser's message has, and is not quoted text
	message string
	late    bool // the parser counts the lines of this error from 0
}

// syntaxKinds returns the errors that are told apart; the first that matches
// counts.
func syntaxKinds() []syntaxKind {
	return []syntaxKind{
		{"did not find expected key", "the indentation is wrong, or a quote or comma, in the block that begins here", true},
		{"did not find expected '-' indicator", "the indentation is wrong, or a quote or comma, in the list that begins here", true},
		{"did not find expected ',' or ']'", "a list in [ ] that begins here or before lacks a comma or its end", true},
		{"did not find expected ',' or '}'", "a mapping in { } that begins here or before lacks a comma or its end", true},
		{"did not find expected node content", "a value is missing, or a bracket too much", true},
		{"did not find expected <document start>", "the text goes on after its end: look at the indentation and brackets", true},
		{"mapping values are not allowed", "a colon where no key can be: quote the value, or look at the indentation", false},
		{"could not find expected ':'", "a key lacks its colon and a space after it", false},
		{"tab character", "a tab indents: use spaces", false},
		{"cannot start any token", "a tab indents, or a value begins with a character such as @ or %: use spaces, quote the value", false},
		{"unexpected end of stream", "a quote that opens here or before is not closed", false},
		{"unexpected document indicator", "a quote that opens here or before is not closed", false},
		{"escape", "double quotes hold a backslash that means nothing: use single quotes", false},
		{"unknown anchor", "anchors and aliases are not supported: write the value out, or quote it if it begins with *", false},
	}
}

var lineNumber = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax notes that the text is not YAML. Of the parser's message only the line
// is repeated.
func (d *decoder) syntax(data []byte, message string) {
	at := bytes.IndexFunc(data, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f })
	if strings.Contains(message, "control characters") && at >= 0 {
		d.add(&yaml.Node{Line: lineAt(data, at)}, "", "is not valid YAML: a control character")
		return
	}
	line, kind, late := 1, "look at indentation, colons and quotes on this line and the one before", false
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
		line = 0 // it is not said where
	}
	last := lineAt(data, len(bytes.TrimRight(data, "\r\n")))
	d.add(&yaml.Node{Line: min(line, last)}, "", "is not valid YAML: "+kind)
}
