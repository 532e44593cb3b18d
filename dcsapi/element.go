package dcsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-faster/jx"
)

// decodeAnswer decodes an answer's object. The fields of v must take any JSON.
func decodeAnswer(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("the answer is %s, not an object", jsonKind(bytes.TrimSpace(body)))
	}
	return err
}

// members are the members of an object, undecoded: maxMembers of them at most,
// the others are skipped.
type members map[string]json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (m *members) UnmarshalJSON(b []byte) error {
	switch jsonKind(b) {
	case kindNull:
		return nil
	case kindObject:
	default:
		return &json.UnmarshalTypeError{Value: jsonKind(b)}
	}
	*m = make(members)
	return jx.DecodeBytes(b).ObjBytes(func(d *jx.Decoder, key []byte) error {
		raw, err := d.Raw()
		if _, there := (*m)[string(key)]; there || len(*m) < maxMembers {
			(*m)[string(key)] = bytes.Clone(raw)
		}
		return err
	})
}

// maxElements bounds the elements of a list that is not one of sessions.
const maxElements = 200_000

// decodeList returns the elements of an answer's list of what, such as
// "instances", each of them undecoded. there is false if the list is missing or
// null.
func decodeList(what string, raw json.RawMessage) (list []json.RawMessage, there bool, err error) {
	switch kind := jsonKind(raw); kind {
	case kindNull:
		return nil, false, nil
	case kindList:
		if n := countElements(raw); n > maxElements {
			return nil, true, fmt.Errorf("the list of %s has %d elements: more than %d are not read", what, n, maxElements)
		}
		err = json.Unmarshal(raw, &list)
		return list, true, err
	default:
		return nil, false, fmt.Errorf("no list of %s in the answer: %q is %s", what, what, kind)
	}
}

// countElements returns how many elements a list has, if they may be more than
// maxElements.
func countElements(raw []byte) (n int) {
	if bytes.Count(raw, []byte(",")) < maxElements {
		return 0
	}
	_ = jx.DecodeBytes(raw).Arr(func(d *jx.Decoder) error { // it is valid
		n++
		return d.Skip()
	})
	return n
}

// element is an object of a list. Whatever else stands in its place, or in the
// place of a field, is noted and costs only itself. Its texts have no part of a
// key, which a server may send back.
type element struct {
	fields members
	keys   *hidden
	kept   *int              // bytes of texts that are kept of the list, nil for no count
	kind   string            // what is in its place; an object if all is well
	odd    func(text string) // called with what is odd about a field
}

// newElement decodes an element, out of whose texts keys takes secrets. Its fields may be read once odd is set.
func newElement(raw json.RawMessage, keys *hidden) *element {
	e := &element{kind: jsonKind(raw), keys: keys}
	if e.kind == kindObject {
		_ = json.Unmarshal(raw, &e.fields) // it is an object
	}
	return e
}

// text returns a field that is a text: leniently a number or a boolean too, and
// "" where there is none.
func (e *element) text(key string) string {
	s, ok := textOf(e.fields[key])
	if !ok {
		e.odd(fmt.Sprintf("%q is %s, not a text: it is ignored", key, jsonKind(e.fields[key])))
	}
	return e.clean(s)
}

// clean returns a text as it is kept.
func (e *element) clean(s string) string {
	s = e.keys.redact(s)
	if begin := cutText(s); len(begin) < len(s) {
		s = strings.Clone(begin) // the rest is not to be kept with it
	}
	if e.kept != nil {
		*e.kept += len(s)
	}
	return s
}

// id returns the field that names the element, or says why there is none.
func (e *element) id(key string) (id string, why string) {
	raw := e.fields[key]
	id, _ = textOf(raw)
	id = e.clean(id)
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

// name returns what an element without an id may be known by, for an oddity.
func (e *element) name() string {
	if s, _ := textOf(e.fields["name"]); s != "" {
		return fmt.Sprintf(" (%q)", e.keys.quote(s, 40))
	}
	return ""
}

// The kinds of JSON, in the words of oddities and errors.
const (
	kindNull   = "null"
	kindObject = "an object"
	kindList   = "a list"
	kindString = "a string"
	kindNumber = "a number"
)

// jsonKind names the kind of a value, which does not begin with white space. A
// missing one is null.
func jsonKind(raw []byte) string {
	if len(raw) == 0 {
		return kindNull
	}
	switch raw[0] {
	case 'n':
		return kindNull
	case '{':
		return kindObject
	case '[':
		return kindList
	case '"':
		return kindString
	case 't', 'f':
		return "a boolean"
	default:
		return kindNumber
	}
}

// textOf reads a text, leniently a number or a boolean, and reports whether it
// is one; null and a missing value are "".
func textOf(raw json.RawMessage) (string, bool) {
	switch jsonKind(raw) {
	case kindNull:
		return "", true
	case kindObject, kindList:
		return "", false
	}
	var t text
	err := t.UnmarshalJSON(raw)
	return string(t), err == nil
}
