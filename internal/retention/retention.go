// Package retention keeps values by id for a while after their ids have gone
// from the list that they came from: one list may be wrong, and the values hold
// what would be lost for good, such as counters.
package retention

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// MinAbsent is how many absent values a Map keeps at least.
const MinAbsent = 16

// Map holds values by id. The zero value is empty. It is safe for concurrent
// use.
type Map[V any] struct {
	mu      sync.Mutex
	entries map[string]*entry[V]
}

type entry[V any] struct {
	value  V
	listed time.Time // when the id was last listed, zero before the first list
}

// Get returns the value of an id, which it creates if there is none.
func (m *Map[V]) Get(id string, create func() V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[id]
	if e == nil {
		if m.entries == nil {
			m.entries = make(map[string]*entry[V])
		}
		e = &entry[V]{value: create()}
		m.entries[id] = e
	}
	return e.value
}

// Has reports whether an id has a value.
func (m *Map[V]) Has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[id] != nil
}

// Len returns the number of values.
func (m *Map[V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// Filter drops the values whose ids keep does not report.
func (m *Map[V]) Filter(keep func(id string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.entries {
		if !keep(id) {
			delete(m.entries, id)
		}
	}
}

// Retain drops the values whose ids have not been listed for longer than keep.
// listed reports whether an id is on the current list, which has n ids. At most n
// values that are not on it are kept, or MinAbsent if that is more: those that
// were listed last.
func (m *Map[V]) Retain(listed func(id string) bool, n int, keep time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var absent []string
	for id, e := range m.entries {
		switch there := listed(id); {
		case there:
			e.listed = now
		case e.listed.IsZero(): // not listed yet
			e.listed = now
			absent = append(absent, id)
		case now.Sub(e.listed) > keep:
			delete(m.entries, id)
		default:
			absent = append(absent, id)
		}
	}
	most := max(n, MinAbsent)
	if len(absent) <= most {
		return
	}
	slices.SortFunc(absent, func(a, b string) int {
		return cmp.Or(m.entries[b].listed.Compare(m.entries[a].listed), cmp.Compare(a, b))
	})
	for _, id := range absent[most:] {
		delete(m.entries, id)
	}
}
