package aggregate

import (
	"hash/maphash"
	"math"
	"math/bits"

	"dcs_session_exporter/dcsapi"
)

// listed is what is kept of a session while its list is read.
type listed struct {
	age   uint32 // seconds, noAge if it is not known
	place uint32 // hash of addr, peer and fd
	page  uint16 // number of the page that listed it
}

// noAge is the age of a session that the API does not state.
const noAge = math.MaxUint32

// sessionKeys are what tells the sessions of a list apart: the decimal id, or,
// with the highest bit set, a hash of whatever else there is.
type sessionKeys map[uint64]listed

const hashed = 1 << 63

// keySeed is the seed of hashes that stand for ids.
var keySeed = maphash.MakeSeed()

// SessionSet is the set of the sessions of one list. An id usually names one
// session; where several sessions share an id and differ in address, peer or
// file descriptor, all of them are kept. It is made by NewSessionSet.
type SessionSet struct {
	keys   sessionKeys
	shared map[uint64]uint16 // ids that several sessions have, with the page of the last one
	onPage int               // sessions that share the id of another one on the same page
	across int               // sessions that share the id of one on another page
	twice  int               // sessions that stand on one page twice
}

// NewSessionSet returns an empty set with room for some sessions.
func NewSessionSet(size int) *SessionSet { return &SessionSet{keys: make(sessionKeys, size)} }

// Len returns the number of sessions.
func (r *SessionSet) Len() int { return len(r.keys) }

// Add adds a session of the page with a number, and reports whether the set did
// not have it yet.
func (r *SessionSet) Add(s *dcsapi.Session, page uint16) bool {
	key, place := keyOf(s), placeOf(s)
	session := listed{age: ageOf(s), place: place, page: page}
	first, there := r.keys[key]
	if !there && (len(r.shared) == 0 || !r.isShared(key)) {
		r.keys[key] = session
		return true
	}
	if there {
		if first.place == place {
			if first.page == page {
				r.twice++
			}
			return false
		}
		// The first one moves, so that keys do not depend on the order.
		delete(r.keys, key)
		r.keys[placeKey(key, first.place)] = first
		if r.shared == nil {
			r.shared = make(map[uint64]uint16)
		}
		r.shared[key] = first.page
	}
	own := placeKey(key, place)
	if _, there := r.keys[own]; there {
		return false
	}
	if r.shared[key] == page {
		r.onPage++
	} else {
		r.across++
	}
	r.keys[own], r.shared[key] = session, page
	return true
}

func (r *SessionSet) isShared(key uint64) bool {
	_, shared := r.shared[key]
	return shared
}

// SharesIDs reports whether several sessions have the same id.
func (r *SessionSet) SharesIDs() bool { return len(r.shared) > 0 }

// Unique reports whether sessions that share an id can be trusted to be several
// sessions. Ids that repeat within a page show that ids do not identify sessions
// on this node; ids that repeat only from page to page show that the list
// changed while it was read.
func (r *SessionSet) Unique() bool { return r.twice == 0 && (r.across == 0 || r.onPage > 0) }

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
