package dcsapi

import (
	"encoding/json"
	"fmt"
	"strings"
)

// element is an object in a list. A value of another kind in its place, or in
// the place of one of its fields, costs only itself and causes a warning. Its
// texts are redacted and bounded.
type element struct {
	fields object
	keys   *redactor
	kept   int    // bytes of texts that were read
	kind   string // of the value; kindObject unless it is malformed

	found   *warnings // what is wrong with fields
	subject string    // of the warnings, such as "instance" and its id
}

// newElement decodes an element, of whose texts keys removes secrets. Its subject
// must be set before fields are read.
func newElement(raw json.RawMessage, keys *redactor, found *warnings) *element {
	e := &element{kind: jsonKind(raw), keys: keys, found: found}
	if e.kind == kindObject {
		_ = json.Unmarshal(raw, &e.fields) // it is an object
	}
	return e
}

// part decodes an object within the element. Its warnings are the element's.
func (e *element) part(raw json.RawMessage) *element {
	p := newElement(raw, e.keys, e.found)
	p.subject = e.subject
	return p
}

// warn adds a warning about the element.
func (e *element) warn(text string) { e.found.add(e.subject, text) }

// text returns the value of a field that is a text, or leniently a number or a
// boolean. It returns "" if there is none.
func (e *element) text(key string) string {
	s, ok := textOf(e.fields[key])
	if !ok {
		e.warn(fmt.Sprintf("%q is %s, not a text: it is ignored", key, jsonKind(e.fields[key])))
	}
	return e.clean(s)
}

// number returns the value of a field that is a number, not negative and below
// 2³¹, leniently one in a text. It returns 0 if there is none.
func (e *element) number(key string) int64 {
	n, ok := parseInt([]byte(strings.TrimSpace(e.fields.text(key))))
	if !ok || n < 0 || n >= 1<<31 {
		return 0
	}
	return n
}

// clean returns a text as it is kept.
func (e *element) clean(s string) string {
	s = e.keys.redact(s)
	if begin := cutText(s); len(begin) < len(s) {
		s = strings.Clone(begin) // releases the rest
	}
	e.kept += len(s)
	return s
}

// id returns the value of the field that identifies the element, or why there
// is none.
func (e *element) id(key string) (id, why string) {
	raw := e.fields[key]
	id = e.clean(e.fields.text(key))
	switch kind := jsonKind(raw); {
	case e.kind != kindObject:
		return "", "it is " + e.kind + ", not an object"
	case kind == kindString && id == "":
		return "", fmt.Sprintf("%q is empty", key)
	case kind == kindString, kind == kindNumber:
		return id, ""
	case kind == kindNull:
		return "", fmt.Sprintf("%q is missing", key)
	default:
		return "", fmt.Sprintf("%q is %s", key, kind)
	}
}

// name returns a name for an element without an id, to follow its position in a
// warning.
func (e *element) name() string {
	if s := e.fields.text("name"); s != "" {
		return fmt.Sprintf(" (%q)", e.keys.quote(s, 40))
	}
	return ""
}
