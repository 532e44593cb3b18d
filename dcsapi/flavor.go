package dcsapi

import (
	"context"
	"encoding/json"
	"strings"
)

// Flavor is the specification of instances.
type Flavor struct {
	SpecCode   string
	CacheMode  string // single, ha, cluster, proxy, ha_rw_split
	maxClients []flavorLimit
}

// flavorLimit is what the specification supports for a capacity.
type flavorLimit struct {
	capacity string // in GB; "" for all
	clients  int64
}

// MaxClients returns how many connections an instance of this specification
// supports, all its nodes together, and 0 if that is not known. capacity is the
// instance's, in GB as the API writes it; it matters only where the specification
// comes in several sizes.
func (f Flavor) MaxClients(capacity string) int64 {
	var known int64
	for _, l := range f.maxClients {
		switch {
		case l.capacity != "" && l.capacity == capacity:
			return l.clients
		case known != 0 && known != l.clients:
			known = -1 // it depends on the size
		case known == 0:
			known = l.clients
		}
	}
	return max(known, 0)
}

// GetFlavor returns the specification with a code, Instance.SpecCode. One that the
// API does not list is no error: only its code is set, and its MaxClients are not
// known.
func (c *Client) GetFlavor(ctx context.Context, specCode string) (Flavor, error) {
	flavor := Flavor{SpecCode: specCode}
	request := &call{
		operation: "list_flavors", action: "read the specification " + specCode,
		path: "/flavors", query: map[string]string{"spec_code": specCode},
	}
	err := c.getList(ctx, request, "flavors", func(list []json.RawMessage, found *warnings) (err error) {
		flavor = Flavor{SpecCode: specCode}
		for _, raw := range list {
			e := newElement(raw, c.secrets.dataRedactor(), found)
			e.subject = "specification " + specCode
			if e.text("spec_code") == specCode {
				flavor.CacheMode = e.text("cache_mode")
				flavor.maxClients, err = e.flavorLimits()
				break
			}
		}
		return err
	})
	return flavor, err
}

// maxSizes bounds the sizes of a specification.
const maxSizes = 1000

// flavorLimits returns the limits among the attributes of a specification:
// max_clients, or max_connections where there is no max_clients.
func (e *element) flavorLimits() ([]flavorLimit, error) {
	list, _, err := e.fields.list("attrs")
	if err != nil {
		return nil, err
	}
	byName := make(map[string][]flavorLimit)
	for _, raw := range list {
		attribute := e.part(raw)
		n, ok := parseClients(attribute.text("value"))
		if name := attribute.text("name"); ok && len(byName[name]) < maxSizes {
			byName[name] = append(byName[name], flavorLimit{capacity: attribute.text("capacity"), clients: n})
		}
	}
	if limits := byName["max_clients"]; len(limits) > 0 {
		return limits, nil
	}
	return byName["max_connections"], nil
}

// capacity returns the size of an instance in GB, as specifications write it.
func (e *element) capacity() string {
	whole, minor := e.text("capacity"), e.text("capacity_minor")
	switch {
	case minor == "" || (whole != "0" && whole != ""):
		return whole
	case strings.HasPrefix(minor, "."):
		return "0" + minor
	default:
		return minor
	}
}
