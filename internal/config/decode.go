package config

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"dcs_session_exporter/internal/file"

	"go.yaml.in/yaml/v3"
)

// decoder walks a YAML document and collects its problems. It converts the
// scalars itself, because the errors of yaml and net/url quote the input, which
// may be a secret.
type decoder struct {
	file     string
	dir      string
	readable bool // the file can be read by every user of the machine
	files    file.Reader
	found    Problems
	warned   []Warning

	defaults yaml.Node // of projects
}

// value is a place in the document.
type value struct {
	d      *decoder
	node   *yaml.Node
	key    string // the path to it, for messages
	secret bool   // messages must not repeat its content
}

// fields are the keys that a mapping may have, each with its decoder.
type fields map[string]func(value)

// problem records what is wrong with the value.
func (v value) problem(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if v.node.Kind == yaml.ScalarNode && variable.MatchString(v.node.Value) {
		message += "; variables are not expanded"
	}
	v.d.add(v.node, v.key, message)
}

// at returns the place of a key below the value. If the key does not exist, its
// problems get the line of the value itself.
func (v value) at(key string) value {
	return v.child(key, cmp.Or(find(v.node, key), v.node))
}

// has reports whether a key below the value has a value.
func (v value) has(key string) bool {
	child := v.at(key)
	return child.node != v.node && !child.null()
}

func (v value) child(key string, node *yaml.Node) value {
	if node != v.node && v.d.inherited(node) {
		return value{v.d, node, "defaults." + key, v.secret}
	}
	return value{v.d, node, strings.TrimPrefix(v.key+"."+key, "."), v.secret}
}

// name returns the last key of the path.
func (v value) name() string { return v.key[strings.LastIndexByte(v.key, '.')+1:] }

// null reports whether a key has no value, which counts as absent.
func (v value) null() bool {
	return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" && v.node.Style&yaml.TaggedStyle == 0
}

// plain reports whether the value has no anchor, alias or tag, and records a
// problem if it has one.
func (v value) plain() bool {
	switch {
	case v.node.Kind == yaml.AliasNode || v.node.Anchor != "":
		v.problem("anchors and aliases are not supported: write the value itself")
	case v.node.Style&yaml.TaggedStyle != 0:
		v.problem("tags are not supported: remove the word that begins with an exclamation mark, or quote the value")
	default:
		return true
	}
	return false
}

// mapping decodes a mapping by its fields and rejects all other keys. It
// returns false if the value is not a mapping.
func (v value) mapping(known fields) bool {
	if v.node.Kind != yaml.MappingNode {
		v.problem("must be a mapping of keys to values")
		return false
	}
	lines := make(map[string]int)
	for k, node := range pairs(v.node) {
		decode, ok := known[k.Value]
		if !ok || k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 {
			v.unknown(k, known)
			continue
		}
		child := v.child(k.Value, node)
		if first, ok := lines[k.Value]; ok {
			v.d.add(k, child.key, fmt.Sprintf("duplicate key (first on line %d)", first))
			continue
		}
		lines[k.Value] = k.Line
		if child.plain() && !child.null() {
			decode(child)
		}
	}
	return true
}

// unknown records an unknown key. If the space after a colon is missing, the
// "key" contains the value, which may be a secret. So the problem repeats only
// the leading word, and nothing below credentials.
func (v value) unknown(k *yaml.Node, known fields) {
	const most = 64
	end := len(k.Value)
	if at := strings.IndexFunc(k.Value, func(r rune) bool { return !isWord(r) }); at >= 0 {
		end = at
	}
	word, rest := k.Value[:end], k.Value[end:]
	if len(word) > most {
		word, rest = word[:most], "…"
	}
	key := v.child(word, k).key
	switch {
	case v.secret:
		v.d.add(k, v.key, "has a key that is not one of "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	case k.Value == "<<":
		v.d.add(k, v.key, "merge keys are not supported: write the keys themselves")
	case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 || word == "":
		v.d.add(k, v.key, "has a key that is not a plain word")
	case strings.HasPrefix(rest, ":"):
		v.d.add(k, key, "needs a space after its colon")
	case rest != "":
		v.d.add(k, key+"…", "is not a configuration key")
	default:
		v.d.add(k, key, "is not a configuration key"+suggestion(word, known))
	}
}

// sequence calls f for each element of a list. It returns false if the value is
// not a list.
func (v value) sequence(f func(value)) bool {
	if v.node.Kind != yaml.SequenceNode {
		v.problem("must be a list")
		return false
	}
	for i, node := range v.node.Content {
		child := value{v.d, node, fmt.Sprintf("%s[%d]", v.key, i), v.secret}
		if child.plain() {
			f(child)
		}
	}
	return true
}

// notEmpty records a problem if a list has no elements.
func (v value) notEmpty(advice string) {
	if v.node.Kind == yaml.SequenceNode && len(v.node.Content) == 0 {
		v.problem("is empty: %s", advice)
	}
}

// pairs ranges over the keys and values of a mapping; there are none in other
// nodes.
func pairs(node *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for pair := range slices.Chunk(node.Content, 2) {
			if !yield(pair[0], pair[1]) {
				return
			}
		}
	}
}

// find returns the value of a mapping's key, nil if there is none.
func find(mapping *yaml.Node, key string) *yaml.Node {
	for k, node := range pairs(mapping) {
		if k.Value == key {
			return node
		}
	}
	return nil
}

// isWord reports whether r may be part of a key or an id.
func isWord(r rune) bool {
	return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
