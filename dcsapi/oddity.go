package dcsapi

import (
	"slices"
	"strings"
)

// oddities collects what is odd in the answers of one operation: in each of
// them one element at most costs only itself. The zero value is ready.
type oddities struct {
	found map[string]*subjects // by what is odd
}

// subjects are those of which something is odd: the first in order, so that the
// words do not depend on the order of the answer.
type subjects struct {
	first []string // sorted, at most maxSubjects
	more  bool
}

// maxSubjects is how many subjects an oddity names.
const maxSubjects = 3

// add takes note of what is odd of a subject, such as "instance" and its id.
func (o *oddities) add(subject, text string) {
	if o.found == nil {
		o.found = make(map[string]*subjects)
	}
	s := o.found[text]
	if s == nil {
		s = new(subjects)
		o.found[text] = s
	}
	subject = cut(subject, 100)
	at, there := slices.BinarySearch(s.first, subject)
	if there {
		return
	}
	s.first = slices.Insert(s.first, at, subject)
	if len(s.first) > maxSubjects {
		s.first, s.more = s.first[:maxSubjects], true
	}
}

// join adds other oddities.
func (o *oddities) join(other *oddities) {
	for text, s := range other.found {
		for _, subject := range s.first {
			o.add(subject, text)
		}
		if s.more {
			o.found[text].more = true
		}
	}
}

// words returns the oddities in a stable order.
func (o *oddities) words() []string {
	var out []string
	for text, s := range o.found {
		who := strings.Join(s.first, ", ")
		if s.more {
			who += " and others"
		}
		out = append(out, who+": "+text)
	}
	slices.Sort(out)
	return out
}

// reportOddities hands what was found to Options.ObserveOddity.
func (c *Client) reportOddities(operation string, o *oddities) {
	for _, text := range o.words() {
		c.options.ObserveOddity(operation, text)
	}
}
