package dcsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
)

// elements reads the elements of a list, which may come in pages.
type elements struct {
	key         string                 // the field that identifies an element
	consequence string                 // of an element that cannot be read, for its warning
	parent      string                 // to follow an element's position in a warning
	canonical   func(id string) string // returns by what ids are compared
	secrets     *secrets               // to redact the elements' texts
	warnings    warnings

	seen       map[string]bool // ids, and hashes of elements without one
	read       int             // elements with a new id
	unreadable int             // elements without an id
}

func (c *Client) newElements(key, consequence string) *elements {
	return &elements{
		key: key, consequence: consequence, secrets: &c.secrets,
		seen: make(map[string]bool), canonical: func(id string) string { return id },
	}
}

// newInstances returns elements that are instances.
func (c *Client) newInstances() *elements {
	l := c.newElements("instance_id", "the instance is left out")
	l.canonical = CanonicalInstanceID
	return l
}

// next decodes the element at a position, counted from 1. It returns false for
// an element without an id, which causes a warning, and for one that was read
// before.
func (l *elements) next(raw json.RawMessage, position int) (e *element, id string, ok bool) {
	e = newElement(raw, l.secrets.dataRedactor())
	id, why := e.id(l.key)
	key := l.canonical(id)
	if why != "" {
		key = "\x00" + strconv.FormatUint(maphash.Bytes(elementSeed, raw), 16) // no id begins with NUL
	}
	if l.seen[key] {
		return nil, "", false
	}
	l.seen[key] = true
	if why != "" {
		l.unreadable++
		l.warnings.add(fmt.Sprint("element ", position, e.name(), l.parent), why+": "+l.consequence)
		return nil, "", false
	}
	l.read++
	return e, id, true
}

// elementSeed is the seed of the hashes of elements without an id.
var elementSeed = maphash.MakeSeed()

// distinct returns the number of distinct elements so far.
func (l *elements) distinct() int { return len(l.seen) }

// check returns an error if there were elements and none of them could be read:
// then the content of the list is unknown.
func (l *elements) check() error {
	if l.read > 0 || l.unreadable == 0 {
		return nil
	}
	return errors.New("none of the list's elements can be read: " + strings.Join(l.warnings.texts(), "; "))
}
