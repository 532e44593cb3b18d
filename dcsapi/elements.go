package dcsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
)

// elements reads the elements of a list, which may come in pages, one after the
// other.
type elements struct {
	key         string // the field that names an element
	consequence string // of its being unreadable
	of          string // what the list is of, to follow an element's position
	secrets     *secrets
	odd         oddities

	seen map[string]bool // ids, and what stands for elements without one
	read int             // how many had an id that is new
	left int             // how many had none
	kept *int            // bytes of texts that are kept of them
}

func (c *Client) newElements(key, consequence string) *elements {
	return &elements{key: key, consequence: consequence, secrets: &c.secrets, seen: make(map[string]bool), kept: new(int)}
}

// next decodes the element at a position, counted from 1. It returns false if
// the element has no id, which is noted, or one that was there before.
// canonical returns what ids are compared by.
func (l *elements) next(raw json.RawMessage, position int, canonical func(id string) string) (*element, string, bool) {
	e := newElement(raw, l.secrets.hideKeys())
	e.kept = l.kept
	id, why := e.id(l.key)
	key := canonical(id)
	if why != "" {
		key = "\x00" + strconv.FormatUint(maphash.Bytes(elementSeed, raw), 16) // no id begins with NUL
	}
	if l.seen[key] {
		return nil, "", false
	}
	l.seen[key] = true
	if why != "" {
		l.left++
		l.odd.add(fmt.Sprint("element ", position, e.name(), l.of), why+": "+l.consequence)
		return nil, "", false
	}
	l.read++
	return e, id, true
}

// elementSeed is the seed of hashes that stand for elements without an id.
var elementSeed = maphash.MakeSeed()

// distinct returns how many elements were read that differ.
func (l *elements) distinct() int { return len(l.seen) }

// maxKeptTexts bounds the texts that are kept of one list, of all its pages.
const maxKeptTexts = 24 << 20

// tooLarge returns an error if there are more elements, or texts, than are kept
// of a list.
func (l *elements) tooLarge(most int) error {
	switch {
	case l.distinct() > most:
		return fmt.Errorf("the list has no end: more than %d elements", most)
	case *l.kept > maxKeptTexts:
		return fmt.Errorf("the list is too large: the texts of %d elements have more than %d MiB", l.distinct(), maxKeptTexts>>20)
	default:
		return nil
	}
}

// unreadable returns an error if there were elements and none of them had an
// id: what is there is not known then.
func (l *elements) unreadable() error {
	if l.read > 0 || l.left == 0 {
		return nil
	}
	return errors.New("none of the list's elements can be read: " + strings.Join(l.odd.words(), "; "))
}
