package emulator

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxMemory returns the memory of all servers together, in MB.
func (i *instanceState) maxMemory() int { return cmp.Or(i.MaxMemory, 2048) }

// shards returns the number of masters.
func (i *instanceState) shards() (n int) {
	for _, node := range i.Nodes {
		if node.Role != "redis-proxy" && node.Type == "master" {
			n++
		}
	}
	return n
}

// hasProxies reports whether clients connect to proxies.
func (i *instanceState) hasProxies() bool {
	return slices.ContainsFunc(i.Nodes, func(n Node) bool { return n.Role == "redis-proxy" })
}

// cacheMode returns the kind of instance: single, ha, cluster, proxy or
// ha_rw_split.
func (i *instanceState) cacheMode() string {
	switch {
	case i.hasProxies() && i.shards() > 1, strings.Contains(i.SpecCode, ".proxy."):
		return "proxy"
	case i.hasProxies():
		return "ha_rw_split"
	case i.shards() > 1:
		return "cluster"
	case len(i.Nodes) > 1:
		return "ha"
	default:
		return "single"
	}
}

// dimensions returns how the cloud's own monitoring names a node.
func (i *instanceState) dimensions(shownID string, n Node) []map[string]string {
	name := "dcs_cluster_redis_node"
	if n.Role == "redis-proxy" {
		name = "dcs_cluster_proxy_node"
	}
	return []map[string]string{{"name": "dcs_instance_id", "value": shownID}, {"name": name, "value": "ces-" + n.ID}}
}

// defaultParameters are the parameters of a server's configuration that the API
// lists, and a few of those that have nothing to do with limits.
var defaultParameters = map[string]string{
	"maxclients": "10000", "timeout": "0", "maxmemory-policy": "volatile-lru", "notify-keyspace-events": "Ex",
	"client-output-buffer-slave-hard-limit": "268435456", "client-output-buffer-slave-soft-limit": "67108864",
	"client-output-buffer-limit-slave-soft-seconds": "60", "slowlog-log-slower-than": "10000",
}

// parameters returns the instance's parameters. There is no maxclients where reads
// and writes are split.
func (i *instanceState) parameters() map[string]string {
	all := maps.Clone(defaultParameters)
	if i.cacheMode() == "ha_rw_split" {
		delete(all, "maxclients")
	}
	maps.Copy(all, i.Parameters)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func (s *Server) listConfigs(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, a, found := s.find(r)
	switch {
	case !found:
		return a
	case s.o.RefuseConfigs:
		return failure(http.StatusForbidden, "DCS.2003", "Access denied: Policy doesn't allow dcs:instance:getConfiguration to be performed.")
	}
	list := []map[string]string{}
	parameters := i.parameters()
	for k, name := range slices.Sorted(maps.Keys(parameters)) {
		list = append(list, map[string]string{
			"param_id": strconv.Itoa(k + 1), "param_name": name, "param_value": parameters[name], "default_value": defaultParameters[name],
			"value_type": "Interger", "value_range": "", "description": "", "node_role": "",
		})
	}
	return ok(map[string]any{
		"instance_id": s.shown(i.ID), "status": i.Status, "config_status": "SUCCESS", "config_time": "2026-03-01T08:00:00.000Z", "redis_config": list,
	})
}

func (s *Server) listFlavors(r *http.Request, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	flavors, seen := []map[string]any{}, make(map[string]bool)
	for _, i := range s.instances {
		if code := r.URL.Query().Get("spec_code"); seen[i.SpecCode] || (code != "" && code != i.SpecCode) {
			continue
		}
		seen[i.SpecCode] = true
		capacity := strconv.Itoa(i.maxMemory() / 1024)
		attribute := func(name string, value int) map[string]string {
			return map[string]string{"capacity": capacity, "name": name, "value": strconv.Itoa(value)}
		}
		clients := cmp.Or(i.SpecMaxClients, 10000*max(1, i.shards()))
		flavors = append(flavors, map[string]any{
			"spec_code": i.SpecCode, "cache_mode": i.cacheMode(), "engine": i.Engine, "engine_version": i.EngineVersion, "capacity": []string{capacity},
			"attrs": []map[string]string{
				attribute("sharding_num", max(1, i.shards())), attribute("max_clients", clients), attribute("max_connections", clients), attribute("db_number", 256),
			},
		})
	}
	return ok(map[string]any{"flavors": flavors})
}
