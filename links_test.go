package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// markdownLink matches a link or a picture in markdown, with its target.
var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// code matches blocks of code and code in a line, in which there are no links.
var code = regexp.MustCompile("(?ms)^ *```.*?^ *```$|`[^`\n]*`")

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(string(text), ""), -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return all
}

// TestLinks checks that each link of the documentation to another file or to a
// heading leads there, and that docs/README.md lists every page.
func TestLinks(t *testing.T) {
	checked := 0
	index, err := os.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || (d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && d.Name() != "."))) {
			return cmpErr(err, d)
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		if filepath.Dir(path) == "docs" && path != "docs/README.md" && !strings.Contains(string(index), "("+filepath.Base(path)+")") {
			t.Errorf("docs/README.md does not list %s", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range markdownLink.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") { // another site
				continue
			}
			checked++
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s leads nowhere", path, m[1])
			} else if anchor != "" && !anchors(t, to)[anchor] {
				t.Errorf("%s: %s has no such heading", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 150 {
		t.Errorf("only %d links were found", checked)
	}
}

// cmpErr returns an error, or that a folder is to be skipped.
func cmpErr(err error, d fs.DirEntry) error {
	if err != nil || !d.IsDir() {
		return err
	}
	return filepath.SkipDir
}
