package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/internal/sessiontable"

	"github.com/go-kit/log/level"
)

// noNewLists is why there is no button.
const noNewLists = "This exporter takes no new lists: scan.mode is off in its configuration."

// scanView is the button that triggers a scan.
type scanView struct {
	Off   bool
	State []parameter
	Words string // when a scan is possible, or why it is not
}

// newScanView returns the button, with what to know before pressing it.
func newScanView(q sessiontable.Query, state reader.ScanState) *scanView {
	s := &scanView{Off: state.Off, State: parameters(q)}
	switch {
	case state.Off:
		s.Words = noNewLists
	case state.At.IsZero():
		s.Words = "This exporter has not requested one yet. The next scrape does, or this button."
	case state.DueIn > 0:
		s.Words = fmt.Sprintf("This exporter requested one %s ago. The next scrape, or this button, can do so again in %s, at %s (scan.min_interval %s).",
			since(state.At), seconds(state.DueIn), clock(time.Now().Add(state.DueIn)), state.MinInterval)
	default:
		s.Words = fmt.Sprintf("This exporter requested one %s ago. The next scrape requests a new one, or this button.", since(state.At))
	}
	return s
}

// nextLists words when new lists of the nodes of a view are due.
func (v *view) nextLists() string {
	var soonest reader.ScanState
	for i, n := range v.nodes {
		if state := v.collector.Reader(v.target).ScanState(v.target.ID, n.ID); i == 0 || state.DueIn < soonest.DueIn {
			soonest = state
		}
	}
	switch {
	case soonest.Off:
		return noNewLists
	case soonest.DueIn > 0:
		return fmt.Sprintf("Each node has a list of its own. A scrape can request the next one in %s, at %s (scan.min_interval %s).",
			seconds(soonest.DueIn), clock(time.Now().Add(soonest.DueIn)), soonest.MinInterval)
	default:
		return "Each node has a list of its own. The next scrape requests new ones; to take one now, choose a node."
	}
}

// clock words the time of day.
func clock(at time.Time) string { return at.UTC().Format("15:04:05 UTC") }

func since(at time.Time) string { return sessiontable.Duration(time.Since(at)) }

// seconds formats a duration, rounded up to a second.
func seconds(d time.Duration) string {
	return sessiontable.Duration(d + time.Second - time.Nanosecond)
}

// maxForm is the maximum size of the button's form, in bytes.
const maxForm = 16 << 10

// scan triggers a scan and redirects to the new list.
func (t *sessions) scan(w http.ResponseWriter, r *http.Request, s Settings) {
	v := view{collector: s.Collector}
	var err error
	v.query, _, err = parse(r.PostForm)
	if err == nil && v.query.Node == sessiontable.AllNodes {
		err = badRequest{errors.New("choose one node to take a new list of")}
	}
	if err == nil {
		err = v.find(r.Context())
	}
	if err == nil {
		user, _, _ := r.BasicAuth()
		level.Info(t.Logger).Log("msg", "new session list requested from the page", "instance_id", v.target.ID, "node_id", v.node.ID, "user", user, "remote", r.RemoteAddr)
		err = sessiontable.Scan(r.Context(), s.Collector.Reader(v.target), v.target, v.node.ID)
	}
	if err != nil {
		if _, early := errors.AsType[reader.ScanTooSoonError](err); early {
			_ = v.read(r.Context()) // show the existing list
		}
		t.render(w, &v, err)
		return
	}
	v.query.Offset = 0
	w.Header().Set("Location", link(v.query)) // relative, because a reverse proxy may add a path prefix
	w.WriteHeader(http.StatusSeeOther)
}
