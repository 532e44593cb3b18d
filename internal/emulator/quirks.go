package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Quirk is a named deviation from the default behaviour of the emulated API, for
// use on a command line.
type Quirk struct {
	Name  string
	Value string // placeholder for its value, such as N; "" if it takes none
	Help  string // what the API does, without a full stop
	set   func(o *Options, value string) error
}

// quirks are all quirks: first those of session lists, then those of instances,
// of all answers, and of limits.
var quirks = []Quirk{
	{"page-cap", "N", "a page has at most N sessions, even if limit is higher", count(func(o *Options, n int) { o.PageCap = n })},
	{"hide-per-page", "N", "on each page of the whole list, N sessions are hidden, but never all", count(func(o *Options, n int) { o.HidePerPage = n })},
	{"hide-at", "POSITION,…", "the sessions at these positions of each list, from 0, are hidden", setHideAt},
	{"hidden-sessions", "N", "count includes N sessions that no page shows", count(func(o *Options, n int) { o.HiddenSessions = n })},
	{"count", "N", "count is N, whatever the length of the list; may be negative", setCount},
	{"repeat-pages", "", "every page after the first repeats the first one", on(func(o *Options) { o.RepeatPages = true })},
	{"endless", "", "the list never ends: it continues with invented sessions with new ids", on(func(o *Options) { o.Endless = true })},
	{"repeat-ids", "", "the 1st and 2nd sessions of a list share an id, the 3rd and 4th too, and so on", on(func(o *Options) { o.RepeatIDs = true })},
	{"time-form", "FORM", "time is written in another form: " + strings.Join(TimeForms(), ", "), setTimeForm},
	{"huge-name", "BYTES", "the session in the middle of each list has a client name of this length", count(func(o *Options, n int) { o.HugeName = n })},
	{"stamp-answers", "", "time is the time of the answer, not of the list", on(func(o *Options) { o.StampAnswers = true })},
	{"busy-during-rescan", "", "during a scan, lists answer DCS.4957 instead of the old list", on(func(o *Options) { o.BusyDuringRescan = true })},
	{"refuse-scans", "", "scans answer 403 DCS.2003", on(func(o *Options) { o.RefuseScans = true })},
	{"refuse-configs", "", "configurations of instances answer 403 DCS.2003", on(func(o *Options) { o.RefuseConfigs = true })},
	{"odd-tags", "JSON", "this JSON text replaces the tags of the 1st, 3rd, 5th … instance", setOddTags},
	{"odd-instance", "", "lists of instances begin with an element of other JSON types", on(func(o *Options) { o.OddInstance = true })},
	{"odd-node", "", "lists of nodes begin with an element of other JSON types", on(func(o *Options) { o.OddNode = true })},
	{"upper-ids", "", "answers write instance ids in upper case", on(func(o *Options) { o.UpperIDs = true })},
	{"bom", "", "JSON bodies begin with a UTF-8 byte order mark", on(func(o *Options) { o.BOM = true })},
	{"quota", "N", "more than N requests of a project in a second are answered with 429", count(func(o *Options, n int) { o.Quota = n })},
	{"retry-after", "DURATION", "answers with 429 have this Retry-After, in whole seconds", setRetryAfter},
}

// Quirks returns all quirks.
func Quirks() []Quirk { return slices.Clone(quirks) }

// SetQuirk applies a quirk to o. text is NAME or NAME=VALUE.
func (o *Options) SetQuirk(text string) error {
	name, value, given := strings.Cut(text, "=")
	k := slices.IndexFunc(quirks, func(q Quirk) bool { return q.Name == name })
	if k < 0 {
		return fmt.Errorf("unknown quirk %q: use one of %s", name, quirkNames())
	}
	q := quirks[k]
	switch {
	case q.Value == "" && given:
		return fmt.Errorf("quirk %s takes no value", name)
	case q.Value != "" && value == "":
		return fmt.Errorf("quirk %s needs a value: %s=%s", name, name, q.Value)
	}
	if err := q.set(o, value); err != nil {
		return fmt.Errorf("quirk %s: %q is %w", name, value, err)
	}
	return nil
}

// quirkNames lists all quirks with the placeholders of their values.
func quirkNames() string {
	var names []string
	for _, q := range quirks {
		names = append(names, q.String())
	}
	return strings.Join(names, ", ")
}

// String returns the quirk in the form that SetQuirk accepts, with a placeholder
// for its value.
func (q Quirk) String() string {
	if q.Value == "" {
		return q.Name
	}
	return q.Name + "=" + q.Value
}

// on returns a setter for a quirk without a value.
func on(set func(*Options)) func(*Options, string) error {
	return func(o *Options, _ string) error {
		set(o)
		return nil
	}
}

// count returns a setter for a number from 1 to 2,147,483,647.
func count(set func(*Options, int)) func(*Options, string) error {
	return func(o *Options, value string) error {
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 1 {
			return errors.New("not a whole number from 1 to 2147483647")
		}
		set(o, int(n))
		return nil
	}
}

func setHideAt(o *Options, value string) error {
	o.HideAt = nil
	for text := range strings.SplitSeq(value, ",") {
		at, err := strconv.Atoi(text)
		if err != nil || at < 0 {
			return errors.New("not a comma-separated list of whole numbers from 0")
		}
		o.HideAt = append(o.HideAt, at)
	}
	return nil
}

func setCount(o *Options, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return errors.New("not a whole number")
	}
	o.Count = &n
	return nil
}

func setTimeForm(o *Options, value string) error {
	if !slices.Contains(TimeForms(), value) {
		return fmt.Errorf("none of %s", strings.Join(TimeForms(), ", "))
	}
	o.TimeForm = value
	return nil
}

func setOddTags(o *Options, value string) error {
	if !json.Valid([]byte(value)) {
		return errors.New("not JSON")
	}
	o.OddTags = value
	return nil
}

func setRetryAfter(o *Options, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second {
		return errors.New("not a duration of at least 1s")
	}
	o.RetryAfter = d
	return nil
}
