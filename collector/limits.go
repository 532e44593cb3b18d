package collector

import (
	"time"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
)

// expose puts the instance's limits in the result of a scrape.
func (i *instanceResult) expose(out *exposition.Instance) {
	limits := i.Limits()
	out.LimitsReadAt = limits.ReadAt
	out.SpecMaxClients = limits.SpecMaxClients
	if limits.SpecMaxClients > 0 {
		out.MaxClientsSource = exposition.FromFlavor
	}
	for k := range out.Nodes {
		n := &out.Nodes[k]
		of, known := limitsOf(&limits, &n.Details)
		n.IdleTimeout, n.OutputBuffer = of.IdleTimeout, of.OutputBuffer
		switch {
		case i.MaxClients > 0:
			n.MaxClients, out.MaxClientsSource = int64(i.MaxClients), exposition.FromConfiguration
		case of.MaxClients > 0:
			n.MaxClients, out.MaxClientsSource = of.MaxClients, exposition.FromParameters
		}
		if known && !n.Details.IsProxy() {
			n.MaxMemory = memoryOfServer(&i.Details)
		}
	}
}

// limitsOf returns the limits of a node, and whether it is known if the node is a
// server or a proxy. Parameters of servers say nothing about proxies.
func limitsOf(limits *fleet.Limits, n *dcsapi.Node) (of dcsapi.ServerLimits, known bool) {
	switch {
	case n.IsProxy():
		return limits.Proxies, true
	case n.Role == "" && n.Type == "":
		return dcsapi.ServerLimits{}, false
	default:
		return limits.Servers, true
	}
}

// memoryOfServer returns the memory of each server of an instance in bytes, 0 if
// that is not known. Shards share the instance's memory, replicas have as much as
// their master.
func memoryOfServer(d *dcsapi.Instance) int64 {
	switch {
	case d.Shards > 0:
		return d.MaxMemoryBytes / int64(d.Shards)
	case d.CacheMode == "single", d.CacheMode == "ha", d.CacheMode == "ha_rw_split":
		return d.MaxMemoryBytes
	default:
		return 0
	}
}

// idleTimeout returns the idle timeout of a node, 0 for none or if it is not known.
func (i *instanceResult) idleTimeout(n *dcsapi.Node) time.Duration {
	if of, _ := limitsOf(&i.limits, n); of.IdleTimeout != nil {
		return *of.IdleTimeout
	}
	return 0
}
