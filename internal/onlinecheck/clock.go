package onlinecheck

import (
	"fmt"
	"sync"
	"time"
)

const (
	// skewWarning is how far clocks may differ before it is worth a word: the
	// ages that alerts compute of lists are off by as much.
	skewWarning = 30 * time.Second
	// skewLimit is how far they may differ before it fails: signatures are
	// refused not much further off, at 15 minutes.
	skewLimit = 5 * time.Minute
)

// clock finds out how far this machine's clock is ahead of the API's, from the
// Date headers of answers: each was written between the request and the answer,
// and is cut to a second, which bounds the difference from both sides.
type clock struct {
	now func() time.Time

	mu       sync.Mutex
	known    bool
	from, to time.Duration
}

// observe takes note of an answer.
func (c *clock) observe(operation string, date time.Time, took time.Duration) {
	if operation == "list_projects" {
		return // IAM's clock
	}
	received := c.now()
	from, to := received.Add(-took).Sub(date)-time.Second, received.Sub(date)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && max(from, c.from) <= min(to, c.to) {
		from, to = max(from, c.from), min(to, c.to)
	}
	c.known, c.from, c.to = true, from, to
}

// skew returns the difference, rounded to a second: 0 if it cannot be told
// from none. It is false while there was no answer.
func (c *clock) skew() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return 0, false
	}
	if c.from <= 0 && c.to >= 0 {
		return 0, true
	}
	return ((c.from + c.to) / 2).Round(time.Second), true
}

// skewFinding returns what is to be said about a difference, if anything.
func skewFinding(skew time.Duration) (Finding, bool) {
	if skew.Abs() < skewWarning {
		return Finding{}, false
	}
	f := Finding{
		Severity: SeverityWarning, Reason: reasonClock,
		Message: fmt.Sprintf("this machine's clock is %s the API's: the age of lists, as queries compute it, is off by as much", skewWords(skew)),
		Action:  "let NTP set this machine's clock",
	}
	if skew.Abs() >= skewLimit {
		f.Severity = SeverityFailure
		f.Message = fmt.Sprintf("this machine's clock is %s the API's: signatures are refused once it is more than about 15 minutes", skewWords(skew))
	}
	return f, true
}

// skewWords says a difference other than 0 in words.
func skewWords(skew time.Duration) string {
	if skew < 0 {
		return humanDuration(-skew) + " behind"
	}
	return humanDuration(skew) + " ahead of"
}
