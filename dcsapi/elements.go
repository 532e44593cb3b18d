package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
)

// elements reads the elements of a list, which may come in pages.
type elements struct {
	key       string                 // the field that identifies an element
	noun      string                 // what an element is, for warnings
	parent    string                 // to follow an element's position in a warning
	canonical func(id string) string // returns the form of an id that is compared
	secrets   *secrets               // to redact the elements' texts
	found     *warnings              // what is wrong with elements

	seen       map[string]bool // ids, and hashes of elements without one
	read       int             // elements with a new id
	unreadable int             // elements without an id
}

func (c *Client) newElements(key, noun string, found *warnings) *elements {
	return &elements{
		key: key, noun: noun, canonical: func(id string) string { return id },
		secrets: &c.secrets, found: found, seen: make(map[string]bool),
	}
}

// newInstances returns elements that are instances.
func (c *Client) newInstances(found *warnings) *elements {
	l := c.newElements("instance_id", "instance", found)
	l.canonical = CanonicalInstanceID
	return l
}

// next decodes the element at a position, counted from 1. It returns false for
// an element without an id, which causes a warning, and for one that was read
// before.
func (l *elements) next(raw json.RawMessage, position int) (e *element, id string, ok bool) {
	e = newElement(raw, l.secrets.dataRedactor(), l.found)
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
		l.found.add(fmt.Sprint("element ", position, e.name(), l.parent), why+": the "+l.noun+" is left out")
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
	return errors.New("none of the list's elements can be read: " + strings.Join(l.found.texts(), "; "))
}

// getList gets a list that is a member of an object, such as "nodes". read decodes
// it, and adds to found what is wrong with single elements, which is reported.
func (c *Client) getList(ctx context.Context, call *call, key string, read func(list []json.RawMessage, found *warnings) error) error {
	var found warnings
	defer c.reportWarnings(call.operation, &found)
	call.method = http.MethodGet
	call.decode = func(body []byte, _ http.Header) error {
		response, err := decodeObject(body)
		if err != nil {
			return err
		}
		list, ok, err := response.list(key)
		switch {
		case err != nil:
			return err
		case !ok:
			return errNoList(key, key)
		}
		return read(list, &found)
	}
	return c.do(ctx, call)
}
