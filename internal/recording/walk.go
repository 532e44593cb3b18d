package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// visitor says what becomes of the parts of a JSON text. Its methods return the
// replacement of what they are given.
type visitor interface {
	text(f field, s string) string
	number(f field, n string) string
	key(f field, name string) string // f is the place of the object
}

// maxDepth bounds how deeply JSON may be nested.
const maxDepth = 200

// frame is an object or list that is being walked.
type frame struct {
	field field // of the elements; of the object itself while a key is expected
	list  bool
	count int // keys and values so far
}

// walk passes the parts of a JSON text to a visitor, and returns the JSON with its
// replacements and without white space. Order, repeated keys and the spelling of
// numbers are kept. A text that is not exactly one JSON value is an error.
func walk(body []byte, parent string, v visitor) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out bytes.Buffer
	var stack []frame
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(stack) == 0 && out.Len() > 0:
			return out.Bytes(), nil
		case err != nil:
			return nil, err
		case len(stack) == 0 && out.Len() > 0:
			return nil, errors.New("more than one JSON value")
		case len(stack) > maxDepth:
			return nil, errors.New("the JSON is nested too deeply")
		}
		place := field{name: parent}
		if len(stack) > 0 {
			top := &stack[len(stack)-1]
			place = top.field
			if end, ok := token.(json.Delim); ok && (end == '}' || end == ']') {
				out.WriteByte(byte(end))
				stack = stack[:len(stack)-1]
				continue
			}
			isKey := !top.list && top.count%2 == 0
			switch {
			case isKey && top.count > 0, top.list && top.count > 0:
				out.WriteByte(',')
			case !isKey && !top.list:
				out.WriteByte(':')
			}
			top.count++
			if isKey {
				name, _ := token.(string)
				object := top.object()
				top.field = object.child(name)
				writeString(&out, v.key(object, name))
				continue
			}
		}
		switch value := token.(type) {
		case json.Delim:
			out.WriteByte(byte(value))
			stack = append(stack, frame{field: place, list: value == '['})
			if value == '{' {
				stack[len(stack)-1].field = field{parent: place.name, tag: place.tag}
			}
		case string:
			writeString(&out, v.text(place, value))
		case json.Number:
			out.WriteString(v.number(place, value.String()))
		case bool:
			b, _ := json.Marshal(value) // a boolean
			out.Write(b)
		default:
			out.WriteString("null")
		}
	}
}

// object returns the place of the object that f walks.
func (f *frame) object() field { return field{name: f.field.parent, tag: f.field.tag} }

// child returns the place of a member of the object at f.
func (f field) child(name string) field {
	name = normalize(name)
	return field{parent: f.name, name: name, tag: f.tag || isTags(f.name)}
}

// isTags reports whether a field holds tags, in any of their forms.
func isTags(name string) bool { return name == "tags" || name == "resource_tags" || name == "sys_tags" }

// writeString writes a JSON string.
func writeString(out *bytes.Buffer, s string) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)             // a string
	out.Truncate(out.Len() - 1) // Encode ends with a line break
}
