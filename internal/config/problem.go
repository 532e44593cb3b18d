package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is a single error in a configuration.
type Problem struct {
	File    string
	Line    int    // 0 if unknown
	Key     string // such as "projects[0].instances[1].id"; "" if there is none
	Message string

	column int // for the order of the file
}

// String returns file, line, key and message.
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

// compare orders problems as they are in the file.
func (p Problem) compare(q Problem) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.column, q.column))
}

// Problems are all errors in a configuration, in file order.
type Problems []Problem

// Error lists the problems, one per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// add records a problem at a node.
func (d *decoder) add(at *yaml.Node, key, message string) {
	p := Problem{d.file, at.Line, key, message, at.Column}
	if !slices.Contains(d.found, p) { // a value of defaults is decoded in each project
		d.found = append(d.found, p)
	}
}
