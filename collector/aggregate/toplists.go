package aggregate

import (
	"maps"
	"slices"
	"time"
)

// TopLists remembers, from one list of a node to the next, which values have series
// of their own rather than being folded into Other, so that values of about the same
// weight do not take turns. It holds at most twice the limit of each kind, and
// nothing if Limits.Hold is 0. The zero value is ready to use. It is not safe for
// concurrent use.
type TopLists struct {
	users, commands, names incumbents[string]
	bySessions, byBytes    incumbents[clientID]
}

// clientID is a client as its metrics name it.
type clientID struct{ user, address string }

// incumbents are the values that stand on their own, with the times at which they
// were last among the heaviest.
type incumbents[K comparable] map[K]time.Time

// selectTop moves those elements of a list that stand on their own to its front,
// limit of them at most, and keeps the order otherwise; the list comes in the
// order of weight, the heaviest first. Those are the heaviest ones, and in
// their stead incumbents that were among the heaviest less than hold ago, unless
// one that would be left out weighs more than twice as much.
func selectTop[K comparable, E any](m *incumbents[K], list []E, limit int, id func(E) K, weight func(E) int64, hold time.Duration, now time.Time) {
	chosen := make([]bool, len(list))
	left := min(limit, len(list))
	for i, e := range list {
		if since, ok := (*m)[id(e)]; ok && left > 0 && now.Sub(since) < hold {
			chosen[i] = true
			left--
		}
	}
	for i := 0; left > 0; i++ {
		if !chosen[i] {
			chosen[i] = true
			left--
		}
	}
	for out, in := 0, len(list)-1; ; {
		for out < in && chosen[out] {
			out++
		}
		for out < in && !chosen[in] {
			in--
		}
		if out >= in || weight(list[out])-weight(list[in]) <= weight(list[in]) {
			break
		}
		chosen[out], chosen[in] = true, false
	}
	if hold > 0 {
		if *m == nil {
			*m = make(incumbents[K])
		}
		update(*m, list, chosen, limit, id, hold, now)
	}
	front := make([]E, 0, len(list))
	var rest []E
	for i, e := range list {
		if chosen[i] {
			front = append(front, e)
		} else {
			rest = append(rest, e)
		}
	}
	copy(list, append(front, rest...))
}

// update takes note of who was chosen. Members that are not on this list stay
// until their time is over, in bounds: they may come back.
func update[K comparable, E any](m incumbents[K], list []E, chosen []bool, limit int, id func(E) K, hold time.Duration, now time.Time) {
	for i, e := range list {
		switch {
		case !chosen[i]:
			delete(m, id(e))
		case i < limit:
			m[id(e)] = now
		}
	}
	maps.DeleteFunc(m, func(_ K, since time.Time) bool { return now.Sub(since) >= hold })
	if excess := len(m) - 2*limit; excess > 0 {
		times := slices.SortedFunc(maps.Values(m), time.Time.Compare)
		last := times[excess-1]
		maps.DeleteFunc(m, func(_ K, since time.Time) bool { return !since.After(last) })
	}
}
