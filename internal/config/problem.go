package config

import (
	"strconv"
	"strings"

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
// the file.
type Problems []Problem

// Error lists the problems, a line each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// found is a problem, or a warning, with its column, which orders those of a
// line.
type found struct {
	Problem
	column int
	kind   WarningKind // "" for a problem
}

// add notes a problem of what stands at a node.
func (d *decoder) add(at *yaml.Node, key, message string) {
	d.found = append(d.found, found{Problem{d.file, at.Line, key, message}, at.Column, ""})
}

// problems returns what was found, in the order of the file.
func (d *decoder) problems() Problems {
	sortFound(d.found)
	out := make(Problems, len(d.found))
	for i, f := range d.found {
		out[i] = f.Problem
	}
	return out
}
