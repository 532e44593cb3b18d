package aggregate

import (
	"strings"
	"unicode/utf8"
)

// Of one list, so many distinct values are told apart; what comes after them
// goes straight into Other. A list that a node has made has fewer, one that a
// hostile server has made does not take more memory.
const (
	mostUsers  = 1024
	mostHosts  = 20_000 // addresses, and pairs of user and address
	mostNames  = 20_000
	mostOthers = 4096 // commands, databases, networks
	perLimit   = 2    // at least so many times the limit of values with series of their own
)

// interner gives distinct values indices, and keeps each once: redacted, valid
// UTF-8, at most maxLabelValue bytes. When it has as many as it may have, further ones
// become Other. It is made by newInterner.
type interner struct {
	redact func(string) string
	most   int // values, not counting Other
	values []string
	known  map[string]int32 // values, and the raw forms that became them
	recent [256]int32       // by slot: an index in values that was looked up

	overflown bool // Other is there because there were too many values
}

func newInterner(redact func(string) string, most int) interner {
	return interner{redact: redact, most: most, known: make(map[string]int32)}
}

// index returns the index of a value; a new one gets len(values).
func (n *interner) index(raw string) int32 {
	i, ok := n.find(raw)
	if ok {
		return i
	}
	value := cutLabel(strings.ToValidUTF8(cutLabel(n.redact(raw)), "\uFFFD"))
	if i, ok = n.known[value]; !ok {
		if len(n.values) >= n.most {
			return n.other()
		}
		i = n.add(strings.Clone(value))
	}
	if value != raw {
		n.alias(raw, i)
	}
	return i
}

// alias makes a raw form stand for a value, as far as memory allows.
func (n *interner) alias(raw string, value int32) {
	if len(raw) <= maxLabelValue && len(n.known) < 2*n.most {
		n.known[strings.Clone(raw)] = value
	}
}

func (n *interner) add(value string) int32 {
	i := int32(len(n.values))
	n.values = append(n.values, value)
	n.known[value] = i
	return i
}

// other returns the index of Other.
func (n *interner) other() int32 {
	i, ok := n.known[Other]
	if !ok {
		i, n.overflown = n.add(Other), true
	}
	return i
}

// distinct returns how many values there were, as far as they were told apart.
func (n *interner) distinct() int {
	if n.overflown {
		return len(n.values) - 1
	}
	return len(n.values)
}

// cutLabel returns at most maxLabelValue bytes of a value.
func cutLabel(s string) string {
	if len(s) <= maxLabelValue {
		return s
	}
	end := maxLabelValue
	for end > maxLabelValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end-- // not within a character
	}
	return s[:end]
}

// find returns the index of a value that is known, or of the raw form of one.
func (n *interner) find(raw string) (int32, bool) {
	recent := &n.recent[slot(raw)]
	if int(*recent) < len(n.values) && n.values[*recent] == raw {
		return *recent, true
	}
	i, ok := n.known[raw]
	if ok {
		*recent = i
	}
	return i, ok
}

// slot spreads texts by their ends, where values of a kind differ.
func slot(s string) uint8 {
	h := uint(len(s))
	for i := max(0, len(s)-4); i < len(s); i++ {
		h = h*31 + uint(s[i])
	}
	return uint8(h ^ h>>8)
}

// tally counts sessions per value. It is made by newTally.
type tally struct {
	interner
	sessions []int64 // by index
}

func newTally(redact func(string) string, most int) tally {
	return tally{interner: newInterner(redact, most)}
}

func (t *tally) add(raw string) {
	i := t.index(raw)
	if int(i) == len(t.sessions) {
		t.sessions = append(t.sessions, 0)
	}
	t.sessions[i]++
}

func (t *tally) counts() []ValueCount {
	counts := make([]ValueCount, len(t.values))
	for i, v := range t.values {
		counts[i] = ValueCount{v, t.sessions[i]}
	}
	return counts
}
