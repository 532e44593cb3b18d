package fleet

import (
	"time"

	"dcs_session_exporter/dcsapi"
)

// limitsRetry is how long limits that could not be read are not asked for again.
const limitsRetry = 10 * time.Minute

// limitsRead is what was last read. The last good value stays when reading fails.
type limitsRead[T any] struct {
	value T
	at    time.Time // when value was read, zero if never
	tried time.Time // when reading it last failed, zero after a success
	err   error     // how, nil after a success
}

// due reports whether the value is to be read now. A nil receiver was never read.
func (r *limitsRead[T]) due(now time.Time, interval time.Duration) bool {
	if r == nil {
		return true
	}
	pause := min(limitsRetry, interval)
	if dcsapi.ReasonOf(r.err) == dcsapi.ReasonForbidden {
		pause = interval
	}
	return now.Sub(r.at) >= interval && now.Sub(r.tried) >= pause
}

// last returns when the value was last read, or could not be read.
func (r *limitsRead[T]) last() time.Time {
	switch {
	case r == nil:
		return time.Time{}
	case r.tried.After(r.at):
		return r.tried
	default:
		return r.at
	}
}

// read returns the value, the zero value if it was never read.
func (r *limitsRead[T]) read() (value T, at time.Time) {
	if r == nil {
		return value, at
	}
	return r.value, r.at
}

// keep notes how reading a value ended.
func keep[T any](all map[string]*limitsRead[T], key string, value T, err error) {
	r := all[key]
	if r == nil {
		r = new(limitsRead[T])
		all[key] = r
	}
	if err != nil {
		r.tried, r.err = time.Now(), err
		return
	}
	*r = limitsRead[T]{value: value, at: time.Now()}
}

// failedBefore reports whether reading the value failed last.
func (r *limitsRead[T]) failedBefore() bool { return r != nil && r.err != nil }
