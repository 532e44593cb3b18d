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

// again is the pause before a second attempt to read a list, after a running
// scan or a temporary failure.
const again = time.Second

// look is what one session shows about client addresses.
type look struct {
	seen   bool
	masked bool
	clear  aggregate.AddressSource // the other source, if the session has it and it is not masked
}

// node reads one session of a node's list.
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
		c.describe(i, n, page, seen)
	}
}

// oneSession reads the first session of a node's list, in at most two attempts.
func (c *projectCheck) oneSession(ctx context.Context, instanceID, nodeID string) (page dcsapi.Page, seen look, err error) {
	request := dcsapi.ListClientsRequest{InstanceID: instanceID, NodeID: nodeID, Limit: 1, NoRetry: true}
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
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return page, seen, err
		}
	}
}

// passes reports whether a second attempt may succeed. A node without a list
// answers 500, and would do so again.
func passes(err error) bool {
	switch dcsapi.ReasonOf(err) {
	case dcsapi.ReasonBusy, dcsapi.ReasonThrottled:
		return true
	case dcsapi.ReasonServer:
		return detailsOf(err).Status != http.StatusInternalServerError
	case dcsapi.ReasonNetwork:
		return detailsOf(err).Status == 0
	default:
		return false
	}
}

// lookAt returns what a session shows about client addresses.
func (c *projectCheck) lookAt(s *dcsapi.Session) look {
	other, text := aggregate.SourcePeer, s.Peer
	if c.address.Source == aggregate.SourcePeer {
		other, text = aggregate.SourceAddr, s.Addr
	}
	if strings.TrimSpace(text) == "" || (aggregate.AddressOptions{Source: other}).Masked(s) {
		other = ""
	}
	return look{seen: true, masked: c.address.Masked(s), clear: other}
}

// describe fills in what the answer says about a node.
func (c *projectCheck) describe(i *Instance, n *Node, page dcsapi.Page, seen look) {
	n.Result = OK
	if page.Count >= 0 {
		n.Sessions = &page.Count
	}
	if seen.seen {
		n.AddressMasked = &seen.masked
	}
	if seen.masked {
		c.add(&n.Findings, maskedFinding(i, seen))
	}
	if page.Taken.IsZero() {
		c.add(&n.Findings, Finding{
			Severity: SeverityWarning, Reason: dcsapi.ReasonUndated,
			Message: "the API does not say when the list was taken (" + page.TimeProblem() + "): its age is unknown, and max_snapshot_age cannot be applied",
			Action:  "report it to the exporter's developers and quote this message: such an answer is not documented",
		})
		return
	}
	now := page.Date
	if now.IsZero() {
		now = c.options.Now()
	}
	age := now.Sub(page.Taken).Round(time.Second)
	if age < 0 && age >= -time.Second {
		age = 0 // the header is truncated to a second
	}
	n.ListTakenAt, n.ListAgeSeconds = new(page.Taken.UTC()), new(age.Seconds())
	if limit := c.options.Config.MaxSnapshotAge; limit > 0 && age > limit {
		f := Finding{
			Severity: SeverityWarning, Reason: dcsapi.ReasonStale,
			Message: "the list is older than max_snapshot_age (" + humanDuration(limit) + ")",
			Action:  "nothing, if the exporter is not running yet: its first scrape takes a new list. If it is running, its scans fail: look at dcs_node_error and the exporter's log",
		}
		if c.scanOff() {
			f.Message += ", and scan.mode is off: the exporter does not read it until something else takes a new one"
			f.Action = "find out why nothing scans this node, or set scan.mode: on_scrape, or raise max_snapshot_age"
		}
		c.add(&n.Findings, f)
	}
}

func (c *projectCheck) scanOff() bool { return c.options.Config.Scan.Mode == config.ScanOff }

// maskedFinding returns the finding for a session whose address hides the
// client's.
func maskedFinding(i *Instance, seen look) Finding {
	f := Finding{
		Severity: SeverityWarning, Reason: reasonMasked,
		Message: "client addresses are masked: the one session that was read comes from 198.19.0.0/16, the address of a VPC endpoint instead of the client's. Other sessions may be different",
		Action:  passThrough[i.clientIP],
	}
	if other := string(seen.clear); other != "" {
		f.Action += "; this session's " + other + " is not masked, so client_address.source: " + other + " may work"
	}
	return f
}

// passThrough is what to do about masked addresses, by what the API says about
// pass-through of client addresses.
var passThrough = map[dcsapi.ClientIPState]string{
	dcsapi.ClientIPUnknown:       "if you need the clients' addresses, turn on client IP pass-through in DCS, where the instance has it",
	dcsapi.ClientIPOff:           "if you need the clients' addresses, turn on client IP pass-through in DCS",
	dcsapi.ClientIPSupported:     "if you need the clients' addresses, turn on client IP pass-through in DCS; if it is on, the connection is older: it shows its address after a reconnect",
	dcsapi.ClientIPOn:            "client IP pass-through is on: the connection is older, or has not sent a command yet, and shows its address after a reconnect",
	dcsapi.ClientIPExcludedBySSL: "client IP pass-through and SSL exclude each other, and SSL is on: nothing, unless you can do without SSL",
	dcsapi.ClientIPUnsupported:   "this instance has no client IP pass-through: nothing, or connect within the VPC instead of through an endpoint",
}

// unsupported adds the finding that an instance has no session management, once.
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

// noList returns the finding for a list that cannot be read.
func (c *projectCheck) noList(err error) Finding {
	f := c.explain(c.dcs(), "the session list cannot be read", actionListClients, err)
	switch {
	case dcsapi.IsUnknownNode(err):
		f.Action = "run this again: the instance's nodes may just have changed. If the configuration lists this node under nodes, correct it"
	case dcsapi.IsInstanceState(err), f.Reason == dcsapi.ReasonBusy:
		f.Severity = SeverityWarning
		f.Action = "wait: a task on the instance or node, such as a scan or a restart, blocks reading its list"
	case f.Reason == dcsapi.ReasonServer && detailsOf(err).Status == http.StatusInternalServerError:
		f.Reason = reasonNoList
		f.Message = "there is no session list: apparently the node was never scanned"
		if detailsOf(err).Code == "DCS.4842" {
			f.Message = "there is no session list: the scan failed"
		}
		if c.scanOff() {
			f.Message += "; scan.mode is off, so the exporter does not take one (" + messageOf(err) + ")"
			f.Action = "set scan.mode: on_scrape, or make sure that something else scans; until then dcs_node_up is 0 with reason server"
			break
		}
		f.Severity = SeverityWarning
		f.Message += " (" + messageOf(err) + ")"
		f.Action = "nothing, if the exporter is not running yet: its first scrape takes a list. If it is running, its scans fail: look at dcs_node_error and the exporter's log"
	}
	return f
}
