package dcsapi

import (
	"strings"
	"sync"
)

// CanonicalInstanceID returns the canonical form of an instance id: ids that
// differ only in case are equal.
func CanonicalInstanceID(id string) string { return strings.ToLower(id) }

// spellings holds how instance ids are spelled in requests where that differs
// from their canonical form. The zero value is ready to use.
type spellings struct {
	mu         sync.Mutex
	listed     map[string]string // as the API writes them, by canonical id
	configured map[string]string // as the configuration does
}

// UseInstanceIDs sets how the configuration spells instance ids. Requests spell
// an id as the API does where that is known, else as the configuration does,
// else as the caller does.
func (c *Client) UseInstanceIDs(ids ...string) {
	configured := make(map[string]string)
	for _, id := range ids {
		addSpelling(configured, id)
	}
	c.spellings.mu.Lock()
	defer c.spellings.mu.Unlock()
	c.spellings.configured = configured
}

// addSpelling adds the spelling of an id, unless it has one.
func addSpelling(to map[string]string, id string) {
	canonical := CanonicalInstanceID(id)
	if _, ok := to[canonical]; !ok {
		to[canonical] = id
	}
}

// setListed replaces the spellings of the API by those of a complete list.
func (s *spellings) setListed(listed map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = listed
}

// of returns the spelling of an id for a request.
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

// inPath returns the path of an operation with the instance's id spelled for a
// request.
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
