package emulator

import "time"

// Options configure the emulated API. The zero value has no quota, scans at once
// and behaves as documented.
type Options struct {
	Now              func() time.Time // default time.Now
	ScanDuration     time.Duration    // from a scan's request to its list, 0 for at once
	BusyDuringRescan bool             // during a later scan, lists answer DCS.4957 instead of the old list
	StampAnswers     bool             // time is the time of the answer, not of the list
	HiddenSessions   int              // count is this much higher than the length of the list
	Quota            int              // requests per second and project before throttling, 0 for no limit
	RetryAfter       time.Duration    // Retry-After of throttled answers, 0 for none
	Region           string           // name of the projects in IAM; default DemoRegion

	// PageCap is the maximum number of sessions per page, even if limit is
	// higher; 0 for no cap. A limit over 1000 is still refused.
	PageCap int
	// HidePerPage is how many of each PageCap sessions of the whole list (of
	// each 1,000 without a cap) are hidden: the first ones, and never all.
	// Offsets and count include hidden sessions.
	HidePerPage int
	// HideAt are positions in the whole list, from 0, whose sessions are hidden.
	// Offsets and count include them.
	HideAt []int
	// Count, if set, replaces the count of every page.
	Count *int64
	// RepeatPages answers offsets beyond the first page with the first page.
	RepeatPages bool
	// Endless continues the list forever with invented sessions that have new
	// ids. count does not include them.
	Endless bool
	// RepeatIDs gives the second session of a list the id of the first, the
	// fourth the id of the third, and so on.
	RepeatIDs bool
	// TimeForm is the form of time, one of TimeForms. With an unknown form every
	// list fails with DCS.5000.
	TimeForm string
	// HugeName, if not 0, is the length in bytes of the client name of the
	// session in the middle of each list.
	HugeName int

	// OddTags, if not "", is the JSON text that replaces the tags of the first
	// instance, the third and so on.
	OddTags string
	// OddInstance inserts an element at the start of lists of instances: an
	// object with a number as its instance_id and an object as its name. In the
	// list of all instances' nodes it is a string.
	OddInstance bool
	// OddNode inserts an element at the start of each list of nodes: an object
	// with an array as its node_ip, or a string for the second instance, the
	// fourth and so on.
	OddNode bool
	// BOM puts a UTF-8 byte order mark before each JSON body.
	BOM bool
	// RefuseScans answers scans with 403 DCS.2003. It does not affect lists.
	RefuseScans bool
	// RefuseConfigs answers requests for the configuration of an instance with 403
	// DCS.2003, as if the key lacked dcs:instance:getConfiguration.
	RefuseConfigs bool
	// UpperIDs writes instance ids in upper case. Requests may use any case.
	UpperIDs bool
}
