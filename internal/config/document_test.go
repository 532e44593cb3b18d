package config_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestSyntaxProblems(t *testing.T) {
	const bad = ": is not valid YAML: "
	testProblems(t, []problemCase{
		{"not UTF-8", "# \uFFFD is\nprojects: \n#\xff\n", []string{":3: is not UTF-8 text"}},
		{"UTF-16", "\xff\xfep\x00:\x00", []string{":1: is not UTF-8 text"}},
		{"control character", "a: 1\nb: \x01\n", []string{":2" + bad + "a control character"}},
		{"list without end", "projects: [\n", []string{":1" + bad + "a value is missing, or there is an extra bracket"}},
		{"list runs into a key", "x: [a\ny: 1\n", []string{":2" + bad + "a list in [ ] that begins here or earlier lacks a comma or its closing bracket"}},
		{"mapping without comma", "a: 1\nx: {a: b\ny: 1}\n", []string{":2" + bad + "a mapping in { } that begins here or earlier lacks a comma or its closing bracket"}},
		{"indentation", minimal + " x: 1\n", []string{":5" + bad + "wrong indentation, quote or comma in the block that begins here"}},
		{"tab", "projects:\n\t- x\n", []string{":2" + bad + "indentation with a tab, or a value that begins with a character such as @ or %: use spaces, or quote the value"}},
		{"at sign", minimal + "x: @y\n", []string{":5" + bad + "indentation with a tab, or a value that begins with a character such as @ or %: use spaces, or quote the value"}},
		{"two colons", "a: b: c\n", []string{":1" + bad + "unexpected colon: quote the value, or check the indentation"}},
		{"no colon", minimal + "y\nx: 1\n", []string{":5" + bad + "a key needs a colon and a space after it"}},
		{"open quote", minimal + "x: \"y\n\nz: 2", []string{":5" + bad + "a quote that opens here or earlier is not closed"}},
		{"escape", minimal + `x: "\y"`, []string{":5" + bad + "invalid backslash escape in double quotes: use single quotes"}},
		{"unknown alias", "a: *b\n", []string{bad + "anchors and aliases are not supported: write the value itself, or quote it if it begins with *"}},
		{"second document", minimal + "---\nx: [\n", []string{":6" + bad + "a value is missing, or there is an extra bracket"}},
	})
}

// TestAliasesAreNotExpanded checks a text whose aliases would fill the memory:
// nested lists of nine elements each.
func TestAliasesAreNotExpanded(t *testing.T) {
	text := "discover: &a [x]\n"
	var want []string
	for c := 'b'; c <= 'z'; c++ {
		text += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9))
		want = append(want, fmt.Sprintf(":%d: %c: is not a configuration key", c-'a'+1, c))
	}
	testProblems(t, []problemCase{{
		"laughs", text + "projects: *z\n",
		append(append([]string{":1: discover: is not a configuration key"}, want...), ":27: projects: anchors and aliases are not supported: write the value itself"),
	}})
}
