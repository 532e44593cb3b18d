package emulator

import "time"

// Options say how the emulated API behaves. The zero value is a patient,
// well-behaved one without keys.
type Options struct {
	Now              func() time.Time // default time.Now
	ScanDuration     time.Duration    // from a scan's request to its list being there, 0 for at once
	BusyDuringRescan bool             // while a later scan runs, lists answer DCS.4957 rather than the old list
	StampAnswers     bool             // time is that of the answer, not of the list
	HiddenSessions   int              // count tells of so many more sessions than the list shows
	Quota            int              // requests per second and project, 0 for no limit; over it they are throttled
	RetryAfter       time.Duration    // what a throttled answer asks for, 0 for nothing
	Region           string           // the name of the projects at IAM; default DemoRegion

	// PageCap is the most sessions that a page has, whatever limit asks for;
	// 0 for no more than limit. A limit over 1000 is refused all the same.
	PageCap int
	// HidePerPage is how many sessions are hidden of each PageCap sessions of
	// the whole list (of each 1,000 without one): the first ones, and never
	// all. Offsets and count include the hidden sessions.
	HidePerPage int
	// HideAt are places in the whole list, from 0, whose sessions are hidden:
	// offsets and count include them.
	HideAt []int
	// Count, if set, is the count of every page, true or not.
	Count *int64
	// RepeatPages answers offsets past the first page with the first page.
	RepeatPages bool
	// Endless continues the list for ever: after its sessions come invented
	// ones with ids of their own. count is that of the real sessions.
	Endless bool
	// RepeatIDs gives the second session of a list the id of the first, the
	// fourth that of the third, and so on; the rest of each session stays.
	RepeatIDs bool
	// TimeForm is the form of time, one of TimeForms. Another value makes
	// every list fail with DCS.5000.
	TimeForm string
	// HugeName is the length in bytes of the client name of one session in
	// each list, the one in the middle; 0 leaves it its own name.
	HugeName int

	// OddTags, if not "", is the JSON text of the tags of every other
	// instance: the first, the third and so on.
	OddTags string
	// OddInstance puts one more element first in the lists of instances: an
	// object with a number as its instance_id and an object as its name; in
	// the list of all instances' nodes, a string.
	OddInstance bool
	// OddNode puts one more element first in each list of nodes: an object
	// with an array as its node_ip, or for every other instance (the second,
	// the fourth and so on) a string.
	OddNode bool
	// BOM begins each JSON body with a UTF-8 byte order mark.
	BOM bool
	// RefuseScans answers scans with 403 DCS.2003; lists answer as ever.
	RefuseScans bool
	// UpperIDs writes instance ids in upper case. Requests may always use
	// either case.
	UpperIDs bool
}
