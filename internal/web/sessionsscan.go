package web

import (
	"fmt"
	"time"

	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/internal/sessiontable"
)

// scanView is the button that triggers a scan.
type scanView struct {
	Off   bool
	State []parameter
	Words string
}

// newScanView returns the button, with what to know before pressing it.
func newScanView(q sessiontable.Query, state reader.ScanState) *scanView {
	s := &scanView{Off: state.Off, State: parameters(q)}
	switch {
	case state.At.IsZero():
		s.Words = "This exporter has not requested one yet. The next scrape does, or this button."
	case state.Due > 0:
		s.Words = fmt.Sprintf("This exporter requested one %s ago. The next scrape, or this button, can do so again in %s, at %s (scan.min_interval %s).",
			since(state.At), seconds(state.Due), clock(time.Now().Add(state.Due)), state.MinInterval)
	default:
		s.Words = fmt.Sprintf("This exporter requested one %s ago. The next scrape requests a new one, or this button.", since(state.At))
	}
	return s
}

// clock words the time of day.
func clock(at time.Time) string { return at.UTC().Format("15:04:05 UTC") }

func since(at time.Time) string { return sessiontable.Duration(time.Since(at)) }

// seconds formats a duration, rounded up to a second.
func seconds(d time.Duration) string {
	return sessiontable.Duration(d + time.Second - time.Nanosecond)
}
