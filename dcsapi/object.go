package dcsapi

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-faster/jx"
)

// object is a JSON object with undecoded members: the first maxMembers of them.
type object map[string]json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (o *object) UnmarshalJSON(b []byte) error {
	switch jsonKind(b) {
	case kindNull:
		return nil
	case kindObject:
	default:
		return errNotObject("the response", b)
	}
	*o = make(object)
	return jx.DecodeBytes(b).ObjBytes(func(d *jx.Decoder, key []byte) error {
		raw, err := d.Raw()
		if err != nil {
			return err // without the member: its value is incomplete
		}
		if _, ok := (*o)[string(key)]; ok || len(*o) < maxMembers {
			(*o)[string(key)] = bytes.Clone(raw)
		}
		return nil
	})
}

// errNotObject returns the error of a value in the place of an object.
func errNotObject(what string, raw []byte) error {
	return fmt.Errorf("%s is %s, not an object", what, jsonKind(raw))
}

// decodeObject decodes the body of a response, which must be an object. It
// returns errErrorCode for one with an error_code.
func decodeObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, err
	}
	return o, o.errorCode()
}

// text returns the member that is a text, or leniently a number or a boolean, ""
// if there is none.
func (o object) text(key string) string {
	s, _ := textOf(o[key])
	return s
}

// errorCode returns errErrorCode if the object has an error_code.
func (o object) errorCode() error {
	if o.text("error_code") != "" {
		return errErrorCode
	}
	return nil
}

// maxElements bounds the elements of a list other than one of sessions.
const maxElements = 200_000

// list returns the undecoded elements of the list that is a member, such as
// "instances". ok is false if it is missing or null.
func (o object) list(key string) (list []json.RawMessage, ok bool, err error) {
	switch raw := o[key]; jsonKind(raw) {
	case kindNull:
		return nil, false, nil
	case kindList:
		if n := countElements(raw); n > maxElements {
			return nil, true, fmt.Errorf("the list of %s has %d elements: more than %d are not read", key, n, maxElements)
		}
		err = json.Unmarshal(raw, &list)
		return list, true, err
	default:
		return nil, false, fmt.Errorf("no list of %s in the response: %q is %s", key, key, jsonKind(raw))
	}
}

// errNoList returns the error of a response without a list, which would be the
// value of key.
func errNoList(what, key string) error {
	return fmt.Errorf("no list of %s in the response: %q is missing", what, key)
}

// countElements returns the number of elements of a list, or 0 if there cannot
// be more than maxElements.
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

// The kinds of JSON, in the words of warnings and errors.
const (
	kindNull   = "null"
	kindObject = "an object"
	kindList   = "a list"
	kindString = "a string"
	kindNumber = "a number"
)

// jsonKind returns the kind of a value, which must not begin with white space. A
// missing value is null.
func jsonKind(raw []byte) string {
	if len(raw) == 0 {
		return kindNull
	}
	switch c := raw[0]; {
	case c == 'n':
		return kindNull
	case c == '{':
		return kindObject
	case c == '[':
		return kindList
	case c == '"':
		return kindString
	case c == 't', c == 'f':
		return "a boolean"
	case c == '-', '0' <= c && c <= '9':
		return kindNumber
	default:
		return "malformed"
	}
}

// textOf decodes a text, or leniently a number or a boolean, and reports whether
// the value is one. null and a missing value are "".
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
