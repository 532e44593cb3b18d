package onlinecheck

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/config"
)

// again is when a list that a scan or a passing trouble keeps from being read
// is asked for once more.
const again = time.Second

// look is what one session tells of the addresses.
type look struct {
	seen       bool
	masked     bool
	otherClear bool // the other of addr and peer is there and not masked
}

// node asks for one session of a node's list.
func (c *projectCheck) node(ctx context.Context, i *Instance, n *Node) {
	page, seen, err := c.oneSession(ctx, i.ID, n.ID)
	switch {
	case c.answered(actionListClients, err):
		n.Result = NotChecked
	case dcsapi.ReasonOf(err) == dcsapi.ReasonUnsupported:
		n.Read, n.NotRead = false, string(dcsapi.ReasonUnsupported)
		c.unsupported(i, err)
	case err != nil:
		c.add(&n.Findings, c.noList(err))
	default:
		c.describe(n, page, seen)
	}
}

// oneSession reads the first session of a node's list, in two attempts at most.
func (c *projectCheck) oneSession(ctx context.Context, instanceID, nodeID string) (page dcsapi.Page, seen look, err error) {
	request := dcsapi.ListClientsRequest{InstanceID: instanceID, NodeID: nodeID, Limit: 1, Once: true}
	for attempt := 1; ; attempt++ {
		page, err = c.api.ListClients(ctx, request, func(sessions iter.Seq[*dcsapi.Session]) {
			seen = look{}
			for s := range sessions {
				seen = c.lookAt(s)
				break
			}
		})
		if err == nil || attempt == 2 || !passes(err) {
			return page, seen, err
		}
		timer := time.NewTimer(again)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return page, seen, err
		}
	}
}

// passes tells whether asking again soon may help. A node without a list says
// 500, and would say so again.
func passes(err error) bool {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonBusy, dcsapi.ReasonThrottled:
		return true
	case dcsapi.ReasonServer:
		return statusOf(err) != http.StatusInternalServerError
	case dcsapi.ReasonNetwork:
		return statusOf(err) == 0
	default:
		return false
	}
}

// lookAt returns what a session tells of the addresses.
func (c *projectCheck) lookAt(s *dcsapi.Session) look {
	other, text := aggregate.SourcePeer, s.Peer
	if c.address.Source == aggregate.SourcePeer {
		other, text = aggregate.SourceAddr, s.Addr
	}
	return look{
		seen:       true,
		masked:     c.address.Masked(s),
		otherClear: strings.TrimSpace(text) != "" && !aggregate.AddressOptions{Source: other}.Masked(s),
	}
}

// describe fills in what the answer tells of a node.
func (c *projectCheck) describe(n *Node, page dcsapi.Page, seen look) {
	n.Result = OK
	if page.Count >= 0 {
		n.Sessions = &page.Count
	}
	if seen.seen {
		n.AddressMasked = &seen.masked
	}
	if seen.masked {
		c.add(&n.Findings, c.maskedFinding(seen))
	}
	if page.Taken.IsZero() {
		c.add(&n.Findings, Finding{
			Severity: SeverityWarning, Reason: dcsapi.ReasonUndated,
			Message: "the API does not say when the list was taken (" + page.TimeProblem() + "): its age is not known, and max_snapshot_age cannot be kept",
			Action:  "open an issue with dcs_session_exporter and quote this message: no such answer is documented",
		})
		return
	}
	now := page.Date
	if now.IsZero() {
		now = c.options.Now()
	}
	taken, age := page.Taken.UTC(), now.Sub(page.Taken).Round(time.Second)
	if age < 0 && age >= -time.Second {
		age = 0 // the header is cut to a second
	}
	seconds := age.Seconds()
	n.ListTakenAt, n.ListAgeSeconds = &taken, &seconds
	if limit := c.options.Config.MaxSnapshotAge; limit > 0 && age > limit {
		f := Finding{
			Severity: SeverityWarning, Reason: dcsapi.ReasonStale,
			Message: "the list is older than max_snapshot_age (" + humanDuration(limit) + ")",
			Action:  "nothing, if the exporter does not run yet: it has a new one taken on its first scrape. If it runs, its scans fail: look at dcs_node_error and its log",
		}
		if c.scanOff() {
			f.Message += ", and scan.mode is off: the exporter does not read it until somebody has a new one taken"
			f.Action = "see why whoever scans does not, or set scan.mode: on_scrape, or raise max_snapshot_age"
		}
		c.add(&n.Findings, f)
	}
}

func (c *projectCheck) scanOff() bool { return c.options.Config.Scan.Mode == config.ScanOff }

// maskedFinding says that a session's address hides the client's.
func (c *projectCheck) maskedFinding(seen look) Finding {
	f := Finding{
		Severity: SeverityWarning, Reason: reasonMasked,
		Message: "client addresses are masked: the one session that was looked at comes from 198.19.0.0/16, which is a VPC endpoint in the client's place; others may not",
		Action:  "turn on client IP pass-through in DCS, if you need to know the clients",
	}
	if seen.otherClear {
		other := string(aggregate.SourcePeer)
		if c.address.Source == aggregate.SourcePeer {
			other = string(aggregate.SourceAddr)
		}
		f.Action += "; this session's " + other + " is not masked, so client_address.source: " + other + " may do"
	}
	return f
}

// unsupported says, once, that an instance has no session management.
func (c *projectCheck) unsupported(i *Instance, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.Skipped != "" {
		return
	}
	i.Skipped = string(dcsapi.ReasonUnsupported)
	if i.Discovered {
		return
	}
	f := c.explain(c.dcs(), "the instance has no session management", actionListClients, err)
	i.Findings = append(i.Findings, f)
}

// noList says why a node's list cannot be read.
func (c *projectCheck) noList(err error) Finding {
	f := c.explain(c.dcs(), "the session list cannot be read", actionListClients, err)
	switch {
	case dcsapi.IsUnknownNode(err):
		f.Action = "run this again: the instance's nodes may just have changed. If nodes lists it, correct that"
	case dcsapi.IsInstanceState(err), f.Reason == dcsapi.ReasonBusy:
		f.Severity = SeverityWarning
		f.Action = "wait: a task on the instance or node, such as a scan or a restart, keeps its list from being read now"
	case f.Reason == dcsapi.ReasonServer && statusOf(err) == http.StatusInternalServerError:
		f.Reason = reasonNoList
		f.Message = "there is no session list: none was ever taken, it seems"
		if codeOf(err) == "DCS.4842" {
			f.Message = "there is no session list: the scan that was to take it has failed"
		}
		if c.scanOff() {
			f.Message += "; scan.mode is off, so the exporter has none taken (" + messageOf(err) + ")"
			f.Action = "set scan.mode: on_scrape, or see that whoever scans does; until then the node is down with reason server"
			break
		}
		f.Severity = SeverityWarning
		f.Message += " (" + messageOf(err) + ")"
		f.Action = "nothing: the exporter has one taken on its first scrape. Should it run already, its scans fail: look at dcs_node_error and its log"
	}
	return f
}
