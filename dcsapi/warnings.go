package dcsapi

import (
	"slices"
	"strings"
)

// warnings collects what is wrong with single elements in the responses to one
// operation. The zero value is ready to use.
type warnings struct {
	byText map[string]*subjects // by the text of the warning
}

// subjects are the elements that a warning is about. Only the first ones in
// order are kept, so that its text does not depend on the order of the response.
type subjects struct {
	first []string // sorted, at most maxSubjects
	more  bool
}

// maxSubjects is how many subjects a warning names.
const maxSubjects = 3

// add adds a warning about a subject, such as "instance" and its id.
func (w *warnings) add(subject, text string) {
	if w.byText == nil {
		w.byText = make(map[string]*subjects)
	}
	s := w.byText[text]
	if s == nil {
		s = new(subjects)
		w.byText[text] = s
	}
	subject = cut(subject, 100)
	at, ok := slices.BinarySearch(s.first, subject)
	if ok {
		return
	}
	s.first = slices.Insert(s.first, at, subject)
	if len(s.first) > maxSubjects {
		s.first, s.more = s.first[:maxSubjects], true
	}
}

// texts returns the warnings, sorted.
func (w *warnings) texts() []string {
	var out []string
	for text, s := range w.byText {
		who := strings.Join(s.first, ", ")
		if s.more {
			who += " and others"
		}
		out = append(out, who+": "+text)
	}
	slices.Sort(out)
	return out
}

// reportWarnings reports the warnings to the Observer.
func (c *Client) reportWarnings(operation string, w *warnings) {
	for _, text := range w.texts() {
		c.options.Observer.Warning(operation, text)
	}
}
