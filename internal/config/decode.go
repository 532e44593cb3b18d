package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File    string
	Line    int    // 0 if it has none
	Key     string // such as "projects[0].instances[1].id"; "" if it has none
	Message string
}

// String tells file, line, key and what is wrong.
func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where += ":" + strconv.Itoa(p.Line)
	}
	if p.Key != "" {
		where += ": " + p.Key
	}
	return where + ": " + p.Message
}

// Problems is everything that is wrong with a configuration, in the order of
// its lines.
type Problems []Problem

// Error lists the problems, a line each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// decoder walks a YAML document and collects its problems. Values are
// converted here, from scalars with their line numbers: the errors of yaml and
// of net/url quote what they could not read, and that may be a secret.
type decoder struct {
	file     string
	dir      string
	problems Problems
}

func (d *decoder) add(line int, key, message string) {
	p := Problem{d.file, line, key, message}
	at, _ := slices.BinarySearchFunc(d.problems, line+1, func(p Problem, line int) int { return cmp.Compare(p.Line, line) })
	d.problems = slices.Insert(d.problems, at, p)
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// document parses the text, which must be one YAML document.
func (d *decoder) document(data []byte) (value, bool) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !utf8.Valid(data) {
		good := data[:len(data)-len(bytes.TrimLeftFunc(data, func(r rune) bool { return r != utf8.RuneError }))]
		d.add(1+bytes.Count(good, []byte("\n")), "", "is not UTF-8 text")
		return value{}, false
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&doc)
	if err == nil {
		err = decoder.Decode(&second)
		if err == nil {
			d.add(second.Line, "", "a second document: the configuration is one")
			return value{}, false
		}
	} else if errors.Is(err, io.EOF) {
		d.add(0, "", "is empty")
		return value{}, false
	}
	if !errors.Is(err, io.EOF) {
		line := 0
		if m := lineNumber.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		d.add(line, "", "is not valid YAML: look at indentation, colons and quotes on this line and the one before")
		return value{}, false
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		d.add(0, "", "is empty")
		return value{}, false
	}
	return value{d: d, node: doc.Content[0]}, true
}

// value is a place in the document.
type value struct {
	d      *decoder
	node   *yaml.Node
	key    string // the path to it, for problems
	secret bool   // what stands there is not to be repeated
}

// fields are the keys that a mapping may have, with what decodes each.
type fields map[string]func(value)

// problem notes what is wrong with the value.
func (v value) problem(format string, args ...any) {
	v.d.add(v.node.Line, v.key, fmt.Sprintf(format, args...))
}

// at returns a place below the value that may not be there: problems of it
// have the line of the nearest thing that is.
func (v value) at(key string) value {
	if v.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			if v.node.Content[i].Value == key {
				return v.child(key, v.node.Content[i+1])
			}
		}
	}
	return v.child(key, v.node)
}

// has tells whether a key below the value has a value.
func (v value) has(key string) bool {
	child := v.at(key)
	return child.node != v.node && !child.null()
}

func (v value) child(key string, node *yaml.Node) value {
	return value{v.d, node, strings.TrimPrefix(v.key+"."+key, "."), v.secret}
}

// null tells whether a key has no value, which is as if it were not there.
func (v value) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" }

// plain refuses anchors and aliases.
func (v value) plain() bool {
	if v.node.Kind == yaml.AliasNode || v.node.Anchor != "" {
		v.problem("anchors and aliases are not supported: write the value out")
		return false
	}
	return true
}

// mapping decodes a mapping by its fields, and refuses all other keys.
func (v value) mapping(known fields) {
	switch {
	case !v.plain(), v.null():
		return
	case v.node.Kind != yaml.MappingNode:
		v.problem("must be a mapping of keys to values")
		return
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k, node := v.node.Content[i], v.node.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" || len(k.Value) > 64 || k.Value == "" {
			v.d.add(k.Line, v.key, "has a key that is not a plain word")
			continue
		}
		child := v.child(k.Value, node)
		if first, ok := lines[k.Value]; ok && (!v.secret || known[k.Value] != nil) {
			v.d.add(k.Line, child.key, fmt.Sprintf("stands twice, first on line %d", first))
			continue
		}
		lines[k.Value] = k.Line
		decode, ok := known[k.Value]
		switch {
		case !ok && v.secret:
			v.d.add(k.Line, v.key, "has a key that is not one of "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case !ok:
			v.d.add(k.Line, child.key, "is not a key of the configuration"+suggestion(k.Value, known))
		case child.plain() && !child.null():
			decode(child)
		}
	}
}

// sequence calls f for each element of a list.
func (v value) sequence(f func(value)) bool {
	if v.node.Kind != yaml.SequenceNode {
		v.problem("must be a list")
		return false
	}
	for i, node := range v.node.Content {
		child := value{v.d, node, fmt.Sprintf("%s[%d]", v.key, i), v.secret}
		if child.plain() {
			f(child)
		}
	}
	return true
}

// suggestion names the known key that is nearest to a misspelt one.
func suggestion(key string, known fields) string {
	best, distance := "", 3
	for name := range known {
		if n := editDistance(key, name); n < distance || (n == distance && best != "" && name < best) {
			best, distance = name, n
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// editDistance returns how many letters must be changed, added or left out to
// make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
