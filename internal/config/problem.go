package config

import (
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

// found is a problem or a warning, with its column for sorting.
type found struct {
	Problem
	column int
	kind   WarningKind // "" for a problem
}

// add records a problem at a node.
func (d *decoder) add(at *yaml.Node, key, message string) {
	f := found{Problem{d.file, at.Line, key, message}, at.Column, ""}
	if !slices.Contains(d.found, f) { // a value of defaults is decoded in each project
		d.found = append(d.found, f)
	}
}

// problems returns the recorded problems, in file order.
func (d *decoder) problems() Problems {
	sortFound(d.found)
	out := make(Problems, len(d.found))
	for i, f := range d.found {
		out[i] = f.Problem
	}
	return out
}
