package recording

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
)

const (
	// minLeak is the length from which a private text is looked for in recordings.
	minLeak = 4
	// minInner is the length from which it is looked for within words too: shorter
	// ones occur in random ids.
	minInner = 8
)

var hasLetter = regexp.MustCompile(`\pL`).MatchString

// leakIndex finds private texts in other texts. The zero value has none.
type leakIndex struct {
	byStart map[[minLeak]byte]*leakGroup
}

// leakGroup are the private texts with the same start. There may be very many.
type leakGroup struct {
	texts   map[string]bool
	lengths []int // those that occur
}

// add adds a private text, if it can be looked for: not if it is short, or made
// of words or numbers that every recording has, or an address that tells nobody
// anything.
func (l *leakIndex) add(text string) {
	ip, err := netip.ParseAddr(text)
	isAddress := err == nil
	switch {
	case len(text) < minLeak,
		isAddress && (ip.IsLoopback() || ip.IsUnspecified() || masked.Contains(ip.Unmap())),
		!isAddress && (!hasLetter(text) || isHarmless(text)):
		return
	}
	if l.byStart == nil {
		l.byStart = make(map[[minLeak]byte]*leakGroup)
	}
	start := [minLeak]byte([]byte(text))
	group := l.byStart[start]
	if group == nil {
		group = &leakGroup{texts: make(map[string]bool)}
		l.byStart[start] = group
	}
	group.texts[text] = true
	if !slices.Contains(group.lengths, len(text)) {
		group.lengths = append(group.lengths, len(text))
	}
}

// find returns a private text that is part of a text, "" if none is.
func (l *leakIndex) find(text string) string {
	for i := 0; i+minLeak <= len(text); i++ {
		group := l.byStart[[minLeak]byte([]byte(text[i:i+minLeak]))]
		if group == nil {
			continue
		}
		for _, n := range group.lengths {
			if i+n > len(text) || !group.texts[text[i:i+n]] {
				continue
			}
			if private := text[i : i+n]; n >= minInner && hasLetter(private) || isWhole(text, i, i+n) {
				return private
			}
		}
	}
	return ""
}

// isWhole reports whether the part of a text between two offsets is not the part of
// a longer word or address.
func isWhole(text string, from, to int) bool {
	inWord := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] == '.' || '0' <= text[i] && text[i] <= '9' || 'a' <= text[i] && text[i] <= 'z' || 'A' <= text[i] && text[i] <= 'Z')
	}
	return !inWord(from-1) && !inWord(to)
}

// verify returns an error if a private text is left in an exchange.
func (l *leakIndex) verify(x Exchange) error {
	v := leakFinder{leaks: l}
	for name, values := range x.Request.Query {
		for _, value := range values {
			v.text(field{name: name}, value)
		}
	}
	bodies := []json.RawMessage{x.Request.Body}
	if x.Response != nil {
		bodies = append(bodies, x.Response.Body)
		for name, value := range x.Response.Headers {
			if name != "Date" {
				v.text(field{name: name}, value)
			}
		}
	}
	for _, body := range bodies {
		if len(body) == 0 {
			continue
		}
		if _, err := walk(body, "", &v); err != nil {
			return err
		}
	}
	if v.found != "" {
		return fmt.Errorf("it cannot be made anonymous: a private text is left in the field %q", v.found)
	}
	return nil
}

// leakFinder is a visitor that looks for private texts.
type leakFinder struct {
	leaks *leakIndex
	found string // the field of one, "" for none
}

func (v *leakFinder) text(f field, s string) string {
	if !timestamp.MatchString(s) && v.leaks.find(s) != "" {
		v.found = f.name
	}
	return s
}

func (v *leakFinder) number(_ field, n string) string { return n }

func (v *leakFinder) key(f field, name string) string {
	if member := f.child(name); !member.isKnown() {
		v.text(member, name)
	}
	return name
}
