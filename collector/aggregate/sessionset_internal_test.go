package aggregate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// setOf adds pages of sessions to a set, and returns what Add has reported.
func setOf(s *SessionSet, pages [][]dcsapi.Session) []bool {
	var fresh []bool
	for i, page := range pages {
		for k := range page {
			fresh = append(fresh, s.Add(&page[k], uint16(i+1)))
		}
	}
	return fresh
}

// pagesOf makes pages of sessions that have the given ids and file descriptors.
func pagesOf(pages ...[]string) [][]dcsapi.Session {
	out := make([][]dcsapi.Session, len(pages))
	for i, page := range pages {
		for k := 0; k < len(page); k += 2 {
			out[i] = append(out[i], dcsapi.Session{ID: page[k], FD: page[k+1]})
		}
	}
	return out
}

func TestSessionSetIndex(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pages   [][]dcsapi.Session
		len     int
		indexed bool
	}{
		{"one page", pagesOf([]string{"1", "a", "5", "b", "9", "c"}), 3, false},
		{"pages in order", pagesOf([]string{"1", "a", "5", "b"}, []string{"6", "c", "9", "d"}), 4, false},
		{"pages in any order", pagesOf([]string{"7", "a", "8", "b"}, []string{"1", "c", "2", "d"}, []string{"4", "e", "6", "f"}), 6, false},
		{"an empty page between", pagesOf([]string{"1", "a"}, nil, []string{"2", "b"}), 2, false},
		{"falling on a page", pagesOf([]string{"5", "a", "1", "b"}), 2, true},
		{"falling from page to page", pagesOf([]string{"8", "a"}, []string{"5", "b"}, []string{"2", "c"}), 3, false},
		{"pages that overlap", pagesOf([]string{"1", "a", "5", "b"}, []string{"3", "c"}), 3, true},
		{"a page around another", pagesOf([]string{"4", "a", "5", "b"}, []string{"3", "c", "6", "d"}), 4, true},
		{"the same page again", pagesOf([]string{"1", "a", "5", "b"}, []string{"1", "a", "5", "b"}), 2, true},
		{"the end of the page before again", pagesOf([]string{"1", "a", "5", "b"}, []string{"5", "b", "6", "c"}), 3, true},
		{"up to the beginning of another page", pagesOf([]string{"5", "a", "6", "b"}, []string{"1", "c", "5", "a"}), 3, true},
		{"twice on a page", pagesOf([]string{"1", "a", "1", "a"}), 1, true},
		{"two sessions with one id", pagesOf([]string{"1", "a", "1", "b"}), 2, true},
	} {
		s := NewSessionSet(0)
		setOf(s, tt.pages)
		if s.Len() != tt.len || (s.index != nil) != tt.indexed {
			t.Errorf("%s: %d sessions, indexed %v, want %d, %v", tt.name, s.Len(), s.index != nil, tt.len, tt.indexed)
		}
	}
}

// TestSessionSetWithoutIndex checks with random pages that the set is the same
// with an index from the beginning.
func TestSessionSetWithoutIndex(t *testing.T) {
	unindexed, repeats := 0, 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var pages [][]dcsapi.Session
		var starts []int
		for p := range 1 + rng.IntN(5) {
			starts = append(starts, 5*p)
		}
		rng.Shuffle(len(starts), func(i, k int) { starts[i], starts[k] = starts[k], starts[i] })
		for _, id := range starts {
			var page []dcsapi.Session
			for range rng.IntN(6) {
				if id += 1 + rng.IntN(2); rng.IntN(20) == 0 {
					id = rng.IntN(50)
				}
				page = append(page, dcsapi.Session{ID: strconv.Itoa(id), FD: strconv.Itoa(rng.IntN(2))})
			}
			pages = append(pages, page)
		}
		s, indexed := NewSessionSet(0), NewSessionSet(0)
		indexed.rehash(0)
		got, want := setOf(s, pages), setOf(indexed, pages)
		if len(got) != len(want) {
			t.Fatal("sessions are missing")
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("seed %d: session %d new: %v, want %v", seed, i, got[i], want[i])
			}
		}
		if s.Len() != indexed.Len() || s.Unique() != indexed.Unique() || s.SharesIDs() != indexed.SharesIDs() {
			t.Errorf("seed %d: %d sessions, unique %v, shared %v, want %d, %v, %v", seed, s.Len(), s.Unique(), s.SharesIDs(), indexed.Len(), indexed.Unique(), indexed.SharesIDs())
		}
		if s.index == nil {
			unindexed++
		}
		s.close()
		indexed.close()
		s.close() // changes nothing more
		indexed.close()
		if inOrder := slices.Collect(s.byKey()); !slices.Equal(inOrder, slices.Collect(indexed.byKey())) || !slices.IsSortedFunc(inOrder, func(a, b identity) int { return cmp.Compare(a.key, b.key) }) {
			t.Errorf("seed %d: the sessions are not in order: %v", seed, inOrder)
		}
		if s.Len() < len(got) {
			repeats++
		}
	}
	if unindexed < 300 || repeats < 300 {
		t.Errorf("%d sets without an index and %d with repetitions: too few to say anything", unindexed, repeats)
	}
}
