package aggregate

import (
	"cmp"
	"hash/maphash"
	"iter"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"

	"dcs_session_exporter/dcsapi"
)

// SessionSet is the set of the sessions of one list. An id usually names one
// session; where several sessions share an id and differ in address, peer or
// file descriptor, all of them are kept. It is made by NewSessionSet and is not safe
// for concurrent use.
//
// As long as ids rise within each page, and no page has ids from between those of
// another, none can repeat. Lists that are in the order of ids need no index.
type SessionSet struct {
	sessions []identity        // page by page, until it is closed
	pages    []pageStart       // likewise
	runs     []run             // by first: the pages before the last one; without an index
	current  run               // the last page, whose end is open
	below    uint64            // ids from here on are on another page, or beyond all ids
	index    []uint32          // open addressing: the position in sessions plus one, by key; nil while ids rise
	shared   map[uint64]uint16 // ids that several sessions have, with the page of the last one
	onPage   int               // sessions that share the id of another one on the same page
	across   int               // sessions that share the id of one on another page
	twice    int               // sessions that are on one page twice
}

// identity is what is kept of a session while its list is read. Its key tells it
// apart from the others: the decimal id, or, with the highest bit set, a hash.
type identity struct {
	key   uint64
	age   uint32 // seconds, noAge if it is not known
	place uint32 // hash of addr, peer and fd
}

// pageStart is the number of a page, and where its sessions begin.
type pageStart struct {
	number uint16
	from   int
}

// noAge is the age of a session that the API does not state.
const noAge = math.MaxUint32

const hashed = 1 << 63

// keySeed is the seed of hashes that stand for ids.
var keySeed = maphash.MakeSeed()

// NewSessionSet returns an empty set with room for so many sessions; it grows.
func NewSessionSet(size int) *SessionSet {
	return &SessionSet{sessions: make([]identity, 0, size)}
}

// Len returns the number of sessions.
func (s *SessionSet) Len() int { return len(s.sessions) }

// Add adds a session and reports whether it was new. Two sessions are the same if
// their ids (or the lack of one), addresses, peers and file descriptors are equal.
// Whether a session repeats on one page or on several matters to Unique: page is
// the number of the page, and all sessions of a page must be added before those of
// the next. Add keeps nothing of the session, and must not be called after
// ChurnTracker.Observe has had the set.
func (s *SessionSet) Add(session *dcsapi.Session, page uint16) bool {
	added := identity{key: keyOf(session), age: ageOf(session), place: placeOf(session)}
	begins := len(s.pages) == 0 || s.pages[len(s.pages)-1].number != page
	if begins {
		s.pages = append(s.pages, pageStart{page, len(s.sessions)})
	}
	if s.index == nil {
		if s.rises(added.key, begins) {
			s.sessions = append(s.sessions, added)
			return true
		}
		s.rehash(2 * cap(s.sessions))
		s.runs = nil
	}
	slot, at := s.find(added.key)
	if at < 0 && !s.isShared(added.key) {
		s.insert(slot, added)
		return true
	}
	key := added.key
	if at >= 0 {
		first := &s.sessions[at]
		if first.place == added.place {
			if s.pageOf(at) == page {
				s.twice++
			}
			return false
		}
		// The first one gets another key, so that keys do not depend on the order.
		if s.shared == nil {
			s.shared = make(map[uint64]uint16)
		}
		s.shared[key] = s.pageOf(at)
		s.index[slot] = moved
		first.key = placeKey(key, first.place)
		if slot, other := s.find(first.key); other < 0 {
			s.index[slot] = uint32(at) + 1
		}
	}
	added.key = placeKey(key, added.place)
	slot, at = s.find(added.key)
	if at >= 0 {
		return false
	}
	if s.shared[key] == page {
		s.onPage++
	} else {
		s.across++
	}
	s.shared[key] = page
	s.insert(slot, added)
	return true
}

// pageOf returns the number of the page that has added the session at a position.
func (s *SessionSet) pageOf(at int) uint16 {
	after := sort.Search(len(s.pages), func(k int) bool { return s.pages[k].from > at })
	return s.pages[after-1].number
}

// indexSeed makes it unpredictable which keys collide in the index: ids are
// untrusted input.
var indexSeed = [2]uint64{rand.Uint64(), rand.Uint64()}

// moved marks a slot of the index whose session has got another key.
const moved = math.MaxUint32

// find returns the slot of a key in the index, and its position in sessions, -1 if
// it is not there.
func (s *SessionSet) find(key uint64) (slot, at int) {
	mask := len(s.index) - 1
	high, low := bits.Mul64(key^indexSeed[0], indexSeed[1]|1)
	for slot = int(high^low) & mask; ; slot = (slot + 1) & mask {
		switch n := s.index[slot]; {
		case n == 0:
			return slot, -1
		case n != moved && s.sessions[n-1].key == key:
			return slot, int(n - 1)
		}
	}
}

// insert adds a session whose key belongs into a slot.
func (s *SessionSet) insert(slot int, added identity) {
	s.sessions = append(s.sessions, added)
	s.index[slot] = uint32(len(s.sessions))
	if 2*(len(s.sessions)+len(s.shared)) > len(s.index) {
		s.rehash(2 * len(s.index))
	}
}

// rehash builds the index anew, with at least so many slots.
func (s *SessionSet) rehash(slots int) {
	s.index = make([]uint32, max(64, 1<<bits.Len(uint(max(slots, 1)-1))))
	for i, session := range s.sessions {
		slot, _ := s.find(session.key)
		s.index[slot] = uint32(i) + 1
	}
}

func (s *SessionSet) isShared(key uint64) bool {
	_, shared := s.shared[key]
	return shared
}

// SharesIDs reports whether several sessions of the set have the same id.
func (s *SessionSet) SharesIDs() bool { return len(s.shared) > 0 }

// Unique reports whether each session of the set can be trusted to be a session of
// its own. That is so if none was twice on one page, and no two share an id from
// one page to another. Where ids are shared within a page too, they do not identify
// sessions on this node, and sharing them says nothing; where they are shared only
// from page to page, the list has changed while it was read.
func (s *SessionSet) Unique() bool { return s.twice == 0 && (s.across == 0 || s.onPage > 0) }

// close ends the adding of sessions.
func (s *SessionSet) close() {
	if s.index != nil {
		slices.SortFunc(s.sessions, func(a, b identity) int { return cmp.Compare(a.key, b.key) })
		s.index, s.current = nil, run{} // all of them
	}
	s.closeRun()
}

// byKey ranges over the sessions in the order of their keys. The set must be closed.
func (s *SessionSet) byKey() iter.Seq[identity] {
	return func(yield func(identity) bool) {
		for _, r := range s.runs {
			for _, session := range s.sessions[r.from:r.to] {
				if !yield(session) {
					return
				}
			}
		}
	}
}

// keyOf returns what tells a session apart from others of its list.
func keyOf(s *dcsapi.Session) uint64 {
	switch n, ok := number(s.ID); {
	case ok:
		return n
	case s.ID != "":
		return maphash.String(keySeed, s.ID) | hashed
	default:
		return maphash.Comparable(keySeed, [3]string{s.Addr, s.FD, s.Peer}) | hashed
	}
}

// placeKey is the key of one of several sessions that share a key.
func placeKey(key uint64, place uint32) uint64 {
	return maphash.Comparable(keySeed, [2]uint64{key, uint64(place)}) | hashed
}

// placeOf returns a hash of the end points of a session's connection.
func placeOf(s *dcsapi.Session) uint32 {
	h := maphash.String(keySeed, s.Addr)
	h = bits.RotateLeft64(h, 21) ^ maphash.String(keySeed, s.FD)
	if s.Peer != s.Addr {
		h = bits.RotateLeft64(h, 21) ^ maphash.String(keySeed, s.Peer)
	}
	return uint32(h ^ h>>32)
}

// ageOf returns a session's age in seconds.
func ageOf(s *dcsapi.Session) uint32 {
	if !s.Present.Has(dcsapi.HasAge) || s.Age < 0 {
		return noAge
	}
	return uint32(min(s.Age, noAge-1))
}

// number reads a decimal id of at most 63 bits that is written as one is.
func number(s string) (uint64, bool) {
	if s == "" || len(s) > 18 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	var n uint64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
