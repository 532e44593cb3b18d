package aggregate

import (
	"iter"
	"time"
)

// Snapshot holds the totals of one session list of a node. All its texts are
// valid UTF-8 of at most 256 bytes, but for the names of groups, which are as
// configured. It is shared by all who read the list, and must not be modified once
// its list has been read.
type Snapshot struct {
	Taken    time.Time // when the list was taken, by the API; zero if it did not say
	Reported int64     // the list's length, as the API gave it; -1 if it did not say

	Sessions  int64
	Users     []UserStats   // by name; the sum of their sessions is Sessions
	Clients   []ClientStats // by address and user; likewise, if the family is on, else nil
	Commands  []ValueCount  // by value; likewise
	Databases []ValueCount
	Names     []ValueCount
	Networks  []ValueCount
	Groups    []GroupStats // by name, with Ungrouped; likewise, with Options.Groups

	UsedGroups []string // all groups that have sessions, Ungrouped too, whatever the limit

	flags   [len(flagTable)]int64 // sessions that have the flag, by its position
	ByClass [len(Classes)]ClassStats

	// Addresses is the number of distinct client addresses, as the label has them,
	// before any limit. It is at most 20,000, or twice Limits.Clients if that is more,
	// and a lower bound then.
	Addresses    int64
	Masked       int64 // sessions whose client address hides the real one, see AddressOptions.Masked
	WritePending int64 // sessions whose events contain w

	Timeout       time.Duration // the server's idle timeout, 0 for none or if it is not known
	BeyondTimeout Sum           // with a timeout: sessions idle beyond it, without those that UserStats.IdleLong leaves out

	Channels      Sum // sub
	Patterns      Sum // psub
	Transaction   Sum // multi, with 0 for the -1 outside of MULTI
	QueryBuffer   Sum // qbuf, bytes
	QueryFree     Sum // qbuf_free, bytes
	OutputBuffer  Sum // obl, bytes
	OutputObjects Sum // oll
	OutputMemory  Sum // omem, bytes

	// Folded is how many distinct values of a dimension went into Other: a lower
	// bound, since of a list with very many distinct values those beyond the first
	// thousands go there uncounted. It has no dimensions that are turned off.
	Folded map[Dimension]int
}

// ByFlag ranges over the flags and the number of sessions that have each, always in
// the same order: those that some session has, and those that are always exported.
// A session counts under each of its flags.
func (s *Snapshot) ByFlag() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for i, f := range flagTable {
			if (s.flags[i] > 0 || f.always) && !yield(f.name, s.flags[i]) {
				return
			}
		}
	}
}

// UserStats holds the totals of one user's sessions.
type UserStats struct {
	User     string
	Sessions int64
	IdleLong Sum       // sessions idle for longer than Options.IdleThreshold, without those that wait by design and replication links
	Active   Sum       // sessions idle for less than Options.ActiveBelow, links too
	Age      Histogram // seconds, of the sessions that have it
	Idle     Histogram // likewise

	Replication int64 // of the sessions, links between a replica and its master
}

// ClientStats holds the totals of one user's sessions from one address.
type ClientStats struct {
	User         string
	Address      string // as the label client_address has it, or Other
	Sessions     int64
	Active       Sum // as in UserStats
	QueryBuffer  Sum // bytes
	OutputMemory Sum // bytes

	Replication int64 // of the sessions, links between a replica and its master
}

// ValueCount is the number of sessions that have a value.
type ValueCount struct {
	Value    string
	Sessions int64
}

// Sum adds up a number that a session may or may not have. A count of sessions is
// one too: it adds 1 or 0 for each session of which the answer is known. A negative
// number counts as missing.
type Sum struct {
	Total   int64 // at most the largest int64, however large the numbers
	Max     int64 // the largest single value, 0 without one
	Count   int64 // sessions that had the number
	Missing int64 // sessions without the number
}

// Known reports whether the sum is meaningful: at least one session had the
// number, or there were no sessions.
func (s Sum) Known() bool { return s.Count > 0 || s.Missing == 0 }

// observe adds one session's number. A negative number counts as missing.
func (s *Sum) observe(v int64, has bool) {
	if !has || v < 0 {
		s.Missing++
		return
	}
	s.Count++
	s.Max = max(s.Max, v)
	if s.Total += v; s.Total < 0 { // more than 64 bits hold
		s.Total = 1<<63 - 1
	}
}

// add adds up two sums.
func (s *Sum) add(o Sum) {
	s.Count += o.Count
	s.Missing += o.Missing
	s.Max = max(s.Max, o.Max)
	if s.Total += o.Total; s.Total < 0 {
		s.Total = 1<<63 - 1
	}
}
