package dcsapi

import (
	"strings"
	"sync"
)

// CanonicalInstanceID returns the form of an instance id that stands for all
// its spellings: ids that differ only in case name one instance.
func CanonicalInstanceID(id string) string { return strings.ToLower(id) }

// spellings remembers how instance ids are written in requests where that is
// not their canonical form. The zero value is ready.
type spellings struct {
	mu         sync.Mutex
	listed     map[string]string // as the API writes them, by canonical id
	configured map[string]string // as the configuration does
}

// UseInstanceIDs says how the configuration writes instance ids. Requests name
// an instance as the API writes its id, where that is known; else as the
// configuration does; else as the caller.
func (c *Client) UseInstanceIDs(ids ...string) {
	configured := make(map[string]string)
	for _, id := range ids {
		noteSpelling(configured, id)
	}
	c.spellings.mu.Lock()
	defer c.spellings.mu.Unlock()
	c.spellings.configured = configured
}

// noteSpelling adds the spelling of an id, unless another one is there.
func noteSpelling(to map[string]string, id string) {
	canonical := CanonicalInstanceID(id)
	if _, there := to[canonical]; !there {
		to[canonical] = id
	}
}

// list replaces the spellings of the API by those of a whole list.
func (s *spellings) list(listed map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = listed
}

// of returns how an id is written in a request.
func (s *spellings) of(id string) string {
	canonical := CanonicalInstanceID(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if listed, ok := s.listed[canonical]; ok {
		return listed
	}
	if configured, ok := s.configured[canonical]; ok {
		return configured
	}
	return id
}

// inPath returns the path of an operation with the instance's id as a request
// writes it.
func (s *spellings) inPath(path string) string {
	rest, ok := strings.CutPrefix(path, "/instances/")
	if !ok {
		return path
	}
	id, rest, found := strings.Cut(rest, "/")
	if found {
		rest = "/" + rest
	}
	return "/instances/" + s.of(id) + rest
}
