package dcsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
)

// MaxLimit is the largest page of sessions or instances that the API returns.
const MaxLimit = 1000

// ListClientsRequest are the parameters of ListClients.
type ListClientsRequest struct {
	InstanceID string
	NodeID     string
	Offset     int    // number of sessions to skip
	Limit      int    // largest number of sessions on the page, at most MaxLimit; 0 for the API's default, 10
	Addr       string // only the sessions of this client address, "" for all
	Sort       string // a field of the API's ClientInfo, "" for the API's default
	Order      string // "asc" or "desc", "" for the API's default

	// Extra asks for Session.Extra, which takes more time.
	Extra bool

	// NoRetry turns retries off, for a caller that retries by its own rules.
	NoRetry bool
}

// ListClients reads one page of the session list that the last scan of the node
// produced. When the page has been received completely, consume is called, unless
// it is nil, with its sessions in order. They are decoded while it ranges over them,
// which it can do once: the *Session is the same one each time, and its strings are
// valid only until consume returns. Use Session.Clone to keep one. The request counts
// as in flight until consume returns. If ListClients returns an error, the sessions
// that consume was given must not be used.
//
// A response without a list is an error, as is one with an error_code, or with
// more sessions than requested. The error_code may come after sessions: then the
// request is not sent again, so that consume has sessions of one response only.
func (c *Client) ListClients(ctx context.Context, r ListClientsRequest, consume func(iter.Seq[*Session])) (Page, error) {
	if err := checkID("instance", r.InstanceID); err != nil {
		return Page{}, err
	}
	query := map[string]string{}
	for name, value := range map[string]string{"node_id": r.NodeID, "addr": r.Addr, "sort": r.Sort, "order": r.Order} {
		if value != "" {
			query[name] = value
		}
	}
	if r.Offset > 0 {
		query["offset"] = strconv.Itoa(r.Offset)
	}
	if r.Limit > 0 {
		query["limit"] = strconv.Itoa(r.Limit)
	}
	limit := cmp.Or(r.Limit, MaxLimit)
	var page Page
	list := &call{
		operation: "list_clients",
		action:    fmt.Sprintf("list sessions of node %s of instance %s", r.NodeID, r.InstanceID),
		method:    http.MethodGet,
		path:      "/instances/" + r.InstanceID + "/clients",
		node:      r.InstanceID + "/" + r.NodeID,
		query:     query,
		noRetry:   r.NoRetry,
	}
	list.decode = func(body []byte, h http.Header) (err error) {
		page, err = decodePageWith(body, limit, r.Extra, consume)
		list.atMostOnce = err != nil && page.Sessions > 0 // consume has had them
		if page.Taken.IsZero() {                          // then it is part of a warning
			page.Time = c.secrets.dataRedactor().redact(page.Time)
		}
		page.Date, _ = http.ParseTime(h.Get("Date"))
		return err
	}
	if err := c.do(ctx, list); err != nil {
		return Page{}, err
	}
	return page, nil
}

// ScanClients starts a scan, which produces a new session list of a node in the
// background, and returns the job's id, "" if the API does not say. The request is
// sent at most once: it is retried only if it cannot have reached the server. An
// error with ReasonBusy means that a scan is running already.
func (c *Client) ScanClients(ctx context.Context, instanceID, nodeID string) (jobID string, err error) {
	if err := checkID("instance", instanceID); err != nil {
		return "", err
	}
	body, err := json.Marshal(struct {
		NodeID     string `json:"node_id"`
		CleanCache bool   `json:"clean_cache"`
	}{nodeID, true})
	if err != nil {
		return "", err
	}
	var response struct {
		JobID     text `json:"job_id"`
		ErrorCode text `json:"error_code"`
	}
	err = c.do(ctx, &call{
		operation:  "scan_clients",
		action:     fmt.Sprintf("scan sessions of node %s of instance %s", nodeID, instanceID),
		method:     http.MethodPost,
		path:       "/instances/" + instanceID + "/clients",
		node:       instanceID + "/" + nodeID,
		body:       string(body),
		atMostOnce: true,
		decode: func(body []byte, _ http.Header) error {
			// The SDK leaves the form of the response open: JSON other than an
			// object has no id, but the scan was accepted.
			if err := json.Unmarshal(body, &response); err != nil && !json.Valid(body) {
				return err
			}
			if response.ErrorCode != "" {
				return errErrorCode
			}
			return nil
		},
	})
	return string(response.JobID), err
}

// checkID returns an error for an id that cannot be part of a path verbatim. The
// error does not contain the id, which a server may have made of a secret.
func checkID(what, id string) error {
	ok := id != ""
	for _, r := range id {
		ok = ok && (r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}
	if ok {
		return nil
	}
	return &Error{
		Op: "check " + what + " id", Reason: ReasonOther,
		Err: fmt.Errorf("not an id, but %d bytes with other characters than letters, digits, - and _", len(id)),
	}
}

// Redact returns a text from a response without the parts, of eight characters or
// more, of the last four keys that it may contain: whoever is sent a key can send it
// back.
func (c *Client) Redact(text string) string { return c.secrets.dataRedactor().redact(text) }
