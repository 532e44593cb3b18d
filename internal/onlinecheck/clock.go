package onlinecheck

import (
	"fmt"
	"sync"
	"time"
)

const (
	// skewWarning is the clock difference from which the check warns: the list
	// ages that alerts compute are off by as much.
	skewWarning = 30 * time.Second
	// skewLimit is the clock difference from which the check fails: the API
	// refuses signatures at 15 minutes.
	skewLimit = 5 * time.Minute
)

// clock determines how far this machine's clock is ahead of the API's. It uses
// the Date headers of answers. The API wrote each between the request and the
// answer and truncated it to a second, which bounds the difference on both
// sides.
type clock struct {
	now func() time.Time

	mu       sync.Mutex
	known    bool
	from, to time.Duration
}

// observe records the Date header of an answer.
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

// skew returns the difference, rounded to a second; 0 if it may be none. It
// returns false until there has been an answer.
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

// skewFinding returns the finding for a clock difference, if it needs one.
func skewFinding(skew time.Duration) (Finding, bool) {
	if skew.Abs() < skewWarning {
		return Finding{}, false
	}
	f := Finding{
		Severity: SeverityWarning, Reason: reasonClock,
		Message: fmt.Sprintf("this machine's clock is %s the API's: list ages in queries are off by as much", skewWords(skew)),
		Action:  "synchronise this machine's clock with NTP",
	}
	if skew.Abs() >= skewLimit {
		f.Severity = SeverityFailure
		f.Message = fmt.Sprintf("this machine's clock is %s the API's: beyond about 15 minutes the API refuses signatures", skewWords(skew))
	}
	return f, true
}

// skewWords describes a difference other than 0.
func skewWords(skew time.Duration) string {
	if skew < 0 {
		return humanDuration(-skew) + " behind"
	}
	return humanDuration(skew) + " ahead of"
}
