package dcsapi

import (
	"encoding/json"
	"fmt"
	"strings"
)

// tags returns the tags of an instance. The documented form is a list of objects
// with key and value. Strings such as "a=b" in the list, and an object whose
// fields are the tags in place of the list, are accepted too.
func (e *element) tags() map[string]string {
	tags := make(map[string]string)
	raw := e.fields["tags"]
	switch kind := jsonKind(raw); kind {
	case kindNull:
	case kindObject:
		e.warn(`"tags" is an object, not a list: its fields are read as tags`)
		e.tag(raw, tags)
	case kindList:
		list, _, _ := e.fields.list("tags") // it is a list
		for _, raw := range list {
			e.tag(raw, tags)
		}
	default:
		e.warn(fmt.Sprintf(`"tags" is %s, not a list: no tags are read`, kind))
	}
	return tags
}

// tag adds an element of the list of tags.
func (e *element) tag(raw json.RawMessage, to map[string]string) {
	switch kind := jsonKind(raw); kind {
	case kindString:
		s, _ := textOf(raw)
		key, value, _ := strings.Cut(s, "=")
		e.warn(`a tag in "tags" is a string, not an object: it is read as key=value`)
		e.setTag(key, value, key != "", true, to)
	case kindObject:
		var fields object
		_ = json.Unmarshal(raw, &fields) // it is an object
		_, hasKey := fields["key"]
		_, hasValue := fields["value"]
		if hasKey || hasValue {
			key, ok := textOf(fields["key"])
			value, isText := textOf(fields["value"])
			e.setTag(key, value, ok && jsonKind(fields["key"]) != kindNull, isText, to)
			return
		}
		for key, raw := range fields {
			value, isText := textOf(raw)
			e.setTag(key, value, true, isText, to)
		}
	default:
		e.warn(fmt.Sprintf(`a tag in "tags" is %s, not an object: it is ignored`, kind))
	}
}

// setTag adds a tag if it has a key and its value is a text.
func (e *element) setTag(key, value string, hasKey, isText bool, to map[string]string) {
	switch {
	case !hasKey:
		e.warn(`a tag in "tags" has no key: it is ignored`)
	case !isText:
		e.warn(`a tag in "tags" has a value that is not a text: it is ignored`)
	default:
		if len(to) < maxMembers {
			to[e.clean(key)] = e.clean(value)
		}
	}
}
