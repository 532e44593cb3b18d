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

// MaxLimit is the largest page of sessions, or instances, that the API gives.
const MaxLimit = 1000

// ListClientsRequest asks for one page of a node's session list.
type ListClientsRequest struct {
	InstanceID string
	NodeID     string
	Offset     int    // sessions to pass over
	Limit      int    // sessions on the page, 1 … MaxLimit; 0 is the API's own default, 10
	Addr       string // only sessions of this client address, "" for all
	Sort       string // a field of ClientInfo, "" for the API's own order
	Order      string // "asc" or "desc", "" for the API's own default

	// Once says that the caller repeats the request by its own rules.
	Once bool
}

// ListClients reads one page of the session list that the last scan of the
// node has taken. The page is read whole; then consume, if not nil, is called
// once, and ranges over the sessions as they are decoded. The session that it
// gets is the same one each time, and its strings are valid only until consume
// returns: strings.Clone what is kept. If ListClients returns an error, what
// consume was given is not a page.
//
// An answer without a list is an error, as is one with an error_code, or with
// more sessions than were asked for.
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
	err := c.do(ctx, &call{
		operation: "list_clients",
		op:        fmt.Sprintf("list sessions of node %s of instance %s", r.NodeID, r.InstanceID),
		method:    http.MethodGet,
		path:      "/instances/" + r.InstanceID + "/clients",
		node:      r.InstanceID + "/" + r.NodeID,
		query:     query,
		noRetry:   r.Once,
		decode: func(body []byte, h http.Header) (err error) {
			page, err = decodePage(body, limit, consume)
			if page.Taken.IsZero() { // it is shown then
				page.Time = c.secrets.hideKeys().redact(page.Time)
			}
			page.Date, _ = http.ParseTime(h.Get("Date"))
			return err
		},
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// ScanClients asks for a new session list of a node, which the API takes in
// the background, and returns the job's id. It is sent at most once: only if
// no connection could be had is it tried again. An error with ReasonBusy means
// that a scan is running already.
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
	var answer struct {
		JobID     text `json:"job_id"`
		ErrorCode text `json:"error_code"`
	}
	err = c.do(ctx, &call{
		operation: "scan_clients",
		op:        fmt.Sprintf("scan sessions of node %s of instance %s", nodeID, instanceID),
		method:    http.MethodPost,
		path:      "/instances/" + instanceID + "/clients",
		node:      instanceID + "/" + nodeID,
		body:      string(body),
		once:      true,
		decode: func(body []byte, _ http.Header) error {
			// The SDK leaves the form of the answer open: other JSON than an
			// object has no id, but the scan was taken.
			if err := json.Unmarshal(body, &answer); err != nil && !json.Valid(body) {
				return err
			}
			if answer.ErrorCode != "" {
				return errErrorCode
			}
			return nil
		},
	})
	return string(answer.JobID), err
}

// checkID refuses an id that cannot stand in a path as it is. It does not repeat
// the id, which may come from a server that echoes what it is sent.
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
