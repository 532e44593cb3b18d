package recording

import (
	"slices"
	"strings"
)

// anonymizer replaces what is private. It is used in two passes: with noting set it
// learns which texts are private and changes nothing, after that it replaces them.
// It is not safe for concurrent use.
type anonymizer struct {
	aliases *aliases
	noting  bool
	unknown map[string]map[string]bool // names of unknown fields, by the field whose objects have them
	summary Summary
}

// Summary says what a recording has of the original.
type Summary struct {
	Replaced map[string]int      // distinct texts that were replaced, by kind
	Kept     map[string][]string // distinct texts that were kept, sorted, by field
	Unknown  []string            // names of fields that the API is not known to have, sorted; they are kept
}

func newAnonymizer() *anonymizer {
	return &anonymizer{aliases: newAliases(), noting: true, unknown: make(map[string]map[string]bool), summary: Summary{Replaced: make(map[string]int), Kept: make(map[string][]string)}}
}

// text implements visitor.
func (a *anonymizer) text(f field, s string) string {
	r := f.rule()
	switch {
	case r.kind == kindMessage:
		return a.words(s)
	case r.kind == kindName && f.name == "name" && f.parent == "projects":
		// A subproject's name begins with its region's.
		if region, rest, ok := strings.Cut(s, "_"); ok && zone.MatchString(region) {
			return region + "_" + a.replace(kindName, rest)
		}
	}
	if r.keep != nil && r.keep.MatchString(s) || (r.kind == kindText || r.kind == kindNumber) && timestamp.MatchString(s) {
		return a.keep(f, r.kind, s)
	}
	return a.replace(r.kind, s)
}

// keep returns a text that looks harmless, or its replacement if it has a private
// text in it.
func (a *anonymizer) keep(f field, k kind, s string) string {
	if a.noting {
		return s
	}
	switch {
	case timestamp.MatchString(s):
	case a.aliases.leaks.find(s) != "":
		return a.replace(k, s)
	case hasLetter(s):
		if kept := a.summary.Kept[f.name]; !slices.Contains(kept, s) && len(kept) < 1000 {
			a.summary.Kept[f.name] = append(kept, s)
		}
	}
	return s
}

// words returns a sentence with its private words replaced.
func (a *anonymizer) words(s string) string {
	out := replaceWords(s,
		func(word string) bool { return isHarmlessWord(word) && (a.noting || a.aliases.leaks.find(word) == "") },
		func(word string) string { return a.replace(kindText, word) })
	if !a.noting && a.aliases.leaks.find(out) != "" {
		return a.replace(kindMessage, s)
	}
	return out
}

func (a *anonymizer) replace(k kind, s string) string {
	if a.noting {
		a.aliases.note(k, s)
		return s
	}
	return a.aliases.of(k, s)
}

// number implements visitor.
func (a *anonymizer) number(f field, n string) string {
	r := f.rule()
	isNumber := r.kind == kindNumber || (r.kind != kindTag && numbers[f.name])
	if isNumber || (r.keep != nil && r.keep.MatchString(n)) || n == "0" || n == "1" || n == "-1" {
		return n
	}
	if a.noting {
		if digits.MatchString(n) {
			a.aliases.note(kindNumber, n)
		}
		return n
	}
	return a.aliases.number(n)
}

// maxFields is how many fields an object may have whose names are not known: if
// there are more, in all objects of a field together, they are taken for the keys
// of a map, and private.
const maxFields = 40

// key implements visitor. Names of fields are kept, but not the keys of tags, nor
// what does not look like a name or has a private text in it.
func (a *anonymizer) key(f field, name string) string {
	member := f.child(name)
	switch {
	case member.tag && (name == "key" || name == "value"), !member.tag && member.isKnown():
		return name
	case member.tag:
		return a.replace(kindTag, name)
	case !fieldName.MatchString(name):
		return a.replace(kindText, name)
	case a.noting:
		if a.unknown[f.name] == nil {
			a.unknown[f.name] = make(map[string]bool)
		}
		if len(a.unknown[f.name]) <= maxFields {
			a.unknown[f.name][name] = true
		}
		return name
	}
	if _, private := a.aliases.kinds[name]; private || len(a.unknown[f.name]) > maxFields || a.aliases.leaks.find(name) != "" {
		return a.replace(kindText, name)
	}
	if !isQuantity(member.name) && !slices.Contains(a.summary.Unknown, name) && len(a.summary.Unknown) < 1000 {
		a.summary.Unknown = append(a.summary.Unknown, name)
	}
	return name
}

// finish completes the summary.
func (a *anonymizer) finish() Summary {
	for text := range a.aliases.made {
		k, noted := a.aliases.kinds[text]
		if !noted {
			k = kindID // in lower case
		}
		if k == kindAddress {
			k = "address"
		}
		a.summary.Replaced[string(k)]++
	}
	for _, kept := range a.summary.Kept {
		slices.Sort(kept)
	}
	slices.Sort(a.summary.Unknown)
	return a.summary
}
