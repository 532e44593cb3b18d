package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

const (
	// maxInstances bounds the instances that are read, whatever total the API
	// claims. Each takes about 5 KiB while its metrics are made.
	maxInstances = 20_000
	// maxListTexts bounds the texts that are kept of one list, all pages together,
	// in bytes.
	maxListTexts = 24 << 20
)

// checkSize returns an error for a list of which more is not kept.
func checkSize(action string, elements, texts int) error {
	var message string
	switch {
	case elements > maxInstances:
		message = fmt.Sprintf("the list has no end: more than %d elements", maxInstances)
	case texts > maxListTexts:
		message = fmt.Sprintf("the list is too large: the texts of %d elements have more than %d MiB", elements, maxListTexts>>20)
	default:
		return nil
	}
	return &Error{Op: action, Reason: ReasonInconsistent, Message: message}
}

// Instance is a DCS instance. Any of its fields but the id may be empty.
type Instance struct {
	ID                  string
	Name                string
	Engine              string // such as "Redis"
	EngineVersion       string // such as "6.0"
	SpecCode            string
	Status              string // RUNNING, RESTARTING, …
	EnterpriseProjectID string
	IP                  string
	Tags                map[string]string

	CacheMode      string        // single, ha, cluster, proxy, ha_rw_split
	Capacity       string        // in GB, such as "2" or "0.125"
	MaxMemoryBytes int64         // of all servers together; 0 if not known
	Shards         int           // servers that share the data; 0 if not known
	ClientIP       ClientIPState // whether client addresses are passed through
}

// ClientIPState says whether an instance shows the addresses of clients that come
// through a VPC endpoint (client IP pass-through).
type ClientIPState string

// The values of ClientIPState.
const (
	ClientIPUnknown       ClientIPState = ""
	ClientIPOn            ClientIPState = "on"
	ClientIPOff           ClientIPState = "off"             // it can be turned on
	ClientIPSupported     ClientIPState = "supported"       // whether it is on is not known
	ClientIPExcludedBySSL ClientIPState = "excluded_by_ssl" // not together with SSL, which is on
	ClientIPUnsupported   ClientIPState = "unsupported"
)

// Running reports whether the instance has the only status in which its sessions
// can be listed.
func (i Instance) Running() bool { return i.Status == "RUNNING" }

// decodeInstance decodes an instance.
func decodeInstance(e *element, id string) Instance {
	id = CanonicalInstanceID(id)
	e.subject = "instance " + id
	return Instance{
		ID: id, Name: e.text("name"), Engine: e.text("engine"), EngineVersion: e.text("engine_version"),
		SpecCode: e.text("spec_code"), Status: e.text("status"), EnterpriseProjectID: e.text("enterprise_project_id"),
		IP: e.text("ip"), Tags: e.tags(),
		CacheMode: e.text("cache_mode"), Capacity: e.capacity(), MaxMemoryBytes: e.number("max_memory") << 20,
		Shards: int(e.number("sharding_count")), ClientIP: e.clientIP(),
	}
}

// clientIP returns the state of client IP pass-through.
func (e *element) clientIP() ClientIPState {
	supported := e.part(e.fields["features"]).fields.text("support_transparent_client_ip")
	enabled := e.text("transparent_client_ip_enable")
	switch {
	case enabled == "true":
		return ClientIPOn
	case supported == "false":
		return ClientIPUnsupported
	case e.text("enable_ssl") == "true":
		return ClientIPExcludedBySSL
	case enabled == "false":
		return ClientIPOff
	case supported == "true":
		return ClientIPSupported
	default:
		return ClientIPUnknown
	}
}

// ListInstances returns all instances of the project, in the API's order, each
// once. Their ids are canonical; an instance without a readable id is left out, and
// reported to Observer.Warning. A list of more than 20,000 instances, or of which no
// instance can be read, is an error.
func (c *Client) ListInstances(ctx context.Context) ([]Instance, error) {
	const action = "list instances"
	var all []Instance
	listed := make(map[string]string)
	texts := 0
	var found warnings
	defer c.reportWarnings("list_instances", &found)
	instances := c.newInstances(&found)
	err := allPages(action, MaxLimit, func(offset int) (pageCounts, error) {
		list, total, err := c.listPage(ctx, &call{operation: "list_instances", action: action, path: "/instances"}, "instance_num", MaxLimit, offset)
		for k, raw := range list {
			e, id, ok := instances.next(raw, offset+k+1)
			if !ok {
				continue
			}
			all = append(all, decodeInstance(e, id))
			texts += e.kept
			if checkID("instance", id) == nil {
				addSpelling(listed, id)
			}
		}
		if err == nil {
			err = checkSize(action, instances.distinct(), texts)
		}
		return pageCounts{len(list), instances.distinct(), total}, err
	})
	if err != nil {
		return nil, err
	}
	if err := instances.check(); err != nil {
		return nil, &Error{Op: action, Reason: ReasonDecode, Message: cut(err.Error(), maxErrorText)}
	}
	c.spellings.setListed(listed)
	return all, nil
}

// pageCounts are the numbers of elements that allPages decides by.
type pageCounts struct {
	elements int // on this page
	distinct int // elements read so far that differ
	total    int // elements of the whole list, -1 if the API does not say
}

// allPages reads the pages of a list of instances by read until one is empty or
// all elements are read. As with sessions, a short page is not the end.
func allPages(action string, limit int, read func(offset int) (pageCounts, error)) error {
	inconsistent := func(format string, n int) error {
		return &Error{Op: action, Reason: ReasonInconsistent, Message: fmt.Sprintf(format, n)}
	}
	before, largest := 0, 0
	for offset := 0; ; {
		p, err := read(offset)
		switch {
		case err != nil:
			return err
		case p.elements == 0 && p.distinct == 0 && p.total > 0:
			return inconsistent("the API counts %d instances and lists none", p.total)
		case p.elements == 0, p.total >= 0 && p.distinct >= p.total && p.elements < limit:
			return nil
		case p.distinct == before && (p.distinct >= p.total || p.elements < largest):
			return nil // nothing new: the total includes hidden instances
		case p.distinct == before:
			return inconsistent("the list has no end: %d instances read", p.distinct)
		}
		before, largest = p.distinct, max(largest, p.elements)
		offset += p.elements
	}
}

// listPage returns the elements of one page of a list of instances, and the
// value of the response's field that holds their total number, -1 without it.
func (c *Client) listPage(ctx context.Context, call *call, totalField string, limit, offset int) (list []json.RawMessage, total int, err error) {
	call.method = http.MethodGet
	call.query = map[string]string{"limit": strconv.Itoa(limit)}
	if offset > 0 {
		call.query["offset"] = strconv.Itoa(offset)
	}
	total = -1
	call.decode = func(body []byte, _ http.Header) error {
		response, err := decodeObject(body)
		if err != nil {
			return err
		}
		if n, err := strconv.Atoi(response.text(totalField)); err == nil {
			total = n
		}
		var ok bool
		if list, ok, err = response.list("instances"); err == nil && !ok && total != 0 {
			err = errNoList("instances", "instances")
		}
		return err
	}
	err = c.do(ctx, call)
	return list, total, err
}

// GetInstance returns the instance with an id, which is canonical in the result. The
// error for one that does not exist is one of IsUnknownInstance.
func (c *Client) GetInstance(ctx context.Context, id string) (Instance, error) {
	if err := checkID("instance", id); err != nil {
		return Instance{}, err
	}
	var i Instance
	var found warnings
	defer c.reportWarnings("show_instance", &found)
	err := c.do(ctx, &call{
		operation: "show_instance", action: "get instance " + id,
		method: http.MethodGet, path: "/instances/" + id,
		decode: func(body []byte, _ http.Header) error {
			var response json.RawMessage
			if err := json.Unmarshal(body, &response); err != nil {
				return err
			}
			e := newElement(response, c.secrets.dataRedactor(), &found)
			if err := e.fields.errorCode(); err != nil {
				return err
			}
			id, why := e.id("instance_id")
			if why != "" {
				return errors.New("no instance in the response: " + why)
			}
			i = decodeInstance(e, id)
			return nil
		},
	})
	return i, err
}
