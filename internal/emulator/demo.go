package emulator

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// The demo's project and its only key.
const (
	DemoRegion    = "cn-north-4"
	DemoProject   = "05041fffa40025702f6dc009cc6f8f33"
	DemoAccessKey = "DEMOACCESSKEY0000000"
	DemoSecretKey = "demo-secret-key-of-the-emulator-only"
)

// DemoKey returns the demo's key.
func DemoKey() Key {
	return Key{AccessKey: DemoAccessKey, SecretKey: DemoSecretKey, Projects: []string{DemoProject}}
}

// DemoFleet returns a small fleet with an instance of every kind: single,
// master/standby, cluster, proxy cluster, read/write splitting, one that is not
// running and one without session management. Ids, names and addresses are always
// the same; the seed determines the sessions.
func DemoFleet(seed uint64) []Instance {
	f := demoFleet{seed: seed}
	shard := func(n int, master WorkloadOptions) []Node {
		master.Scale, master.Replica = .6, true
		return []Node{f.server("master", n, master), f.server("slave", n, WorkloadOptions{Scale: .05, Master: true})}
	}
	webProxies := []string{demoIP(4, 0), demoIP(4, 1)}
	catalogProxies := []string{demoIP(5, 0)}
	fleet := []Instance{
		f.instance(1, "dev-single", "redis.single.xu1.large.1", "4.0", []Node{
			f.server("master", 1, WorkloadOptions{Scale: .3, Monitor: true, NoUsers: true}),
		}),
		f.instance(2, "prod-orders-ha", "redis.ha.xu1.large.r2.8", "6.0", []Node{
			f.server("master", 1, WorkloadOptions{Leak: true, PubSub: true, Workers: true, Replica: true}),
			f.server("slave", 1, WorkloadOptions{Scale: .1, Master: true}),
		}),
		f.instance(3, "prod-feed-cluster", "redis.cluster.xu1.large.r2.24", "6.0", slices.Concat(
			shard(1, WorkloadOptions{SlowReader: true}), shard(2, WorkloadOptions{SlowReplica: true, SlowPubSub: true}), shard(3, WorkloadOptions{Workers: true}))),
		f.instance(4, "prod-web-proxy", "redis.proxy.xu1.large.16", "5.0", []Node{
			f.proxy(WorkloadOptions{Scale: 1.2, Masked: true, PubSub: true, NoUsers: true}),
			f.proxy(WorkloadOptions{Scale: 1.2, Masked: true, NoUsers: true}),
			f.server("master", 1, WorkloadOptions{Proxies: webProxies, Replica: true, NoUsers: true}),
			f.server("slave", 1, WorkloadOptions{Proxies: webProxies, Master: true, NoUsers: true}),
		}),
		f.instance(5, "prod-catalog-rw", "redis.ha.xu1.large.p2.4", "6.0", []Node{
			f.proxy(WorkloadOptions{Scale: .8, Monitor: true}),
			f.server("master", 1, WorkloadOptions{Proxies: catalogProxies, Replica: true}),
			f.server("slave", 1, WorkloadOptions{Proxies: catalogProxies, Master: true}),
		}),
		f.instance(6, "test-restarting", "redis.single.xu1.tiny.128", "6.0", []Node{f.server("master", 1, WorkloadOptions{})}),
		f.instance(7, "legacy-redis3", "dcs.master_standby", "3.0", []Node{f.server("master", 1, WorkloadOptions{})}),
	}
	// What they allow. The servers of the first close connections that are idle for
	// an hour; orders never does, and is not far from its limit.
	fleet[0].MaxMemory, fleet[0].Parameters = 1024, map[string]string{"timeout": "3600"}
	fleet[1].MaxMemory, fleet[1].Parameters = 8192, map[string]string{"maxclients": "600"}
	fleet[2].MaxMemory = 24576
	fleet[3].MaxMemory, fleet[3].PassThrough = 16384, "off"
	fleet[4].MaxMemory, fleet[4].PassThrough = 4096, "on"
	fleet[5].Status = "RESTARTING"
	fleet[6].Unsupported = true
	return fleet
}

// demoFleet builds instances and their nodes.
type demoFleet struct {
	seed  uint64
	nodes int
}

func (f *demoFleet) instance(n int, name, spec, version string, nodes []Node) Instance {
	i := Instance{
		ID: demoID(1, n, 0), ProjectID: DemoProject, Name: name, EngineVersion: version, SpecCode: spec,
		Tags: map[string]string{"env": strings.SplitN(name, "-", 2)[0], "team": "shop"}, Nodes: nodes,
	}
	for k := range i.Nodes {
		node := &i.Nodes[k]
		node.ID = demoID(2, n, k+1)
		node.Name = fmt.Sprintf("%s-%s-%d", name, node.Type, k+1)
		node.IP = demoIP(n, k)
		node.AZCode = DemoRegion + string(rune('a'+k%3))
	}
	return i
}

func (f *demoFleet) server(kind string, shard int, o WorkloadOptions) Node {
	return Node{Role: "redis-server", Type: kind, GroupName: fmt.Sprintf("group-%d", shard-1), Sessions: f.workload(o)}
}

func (f *demoFleet) proxy(o WorkloadOptions) Node {
	return Node{Role: "redis-proxy", Type: "proxy", Sessions: f.workload(o)}
}

func (f *demoFleet) workload(o WorkloadOptions) *Workload {
	f.nodes++
	o.Seed = f.seed*1000 + uint64(f.nodes)
	return NewWorkload(o)
}

// demoIP returns the address of the k-th node of the n-th instance.
func demoIP(n, k int) string { return fmt.Sprintf("192.168.%d.%d", n, 10+k) }

// demoID returns an id in the form of a UUID.
func demoID(kind, instance, node int) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8000-%012x", 0xd0c5_0000+kind, instance, node, kind*1_000_000+instance*1000+node)
}

// DemoConfig returns an exporter configuration, as YAML, for a fleet that an
// emulator serves at a base URL.
func DemoConfig(baseURL string, fleet []Instance) string {
	var b strings.Builder
	fmt.Fprintf(&b, "projects:\n  - region: %s\n    project_id: %s\n    endpoint: %s\n    iam_endpoint: %s\n", DemoRegion, DemoProject, baseURL, baseURL)
	fmt.Fprintf(&b, "    credentials:\n      access_key: %s\n      secret_key: %s\n    instances:\n", DemoAccessKey, DemoSecretKey)
	for _, i := range fleet {
		fmt.Fprintf(&b, "      - id: %s   # %s\n", i.ID, i.Name)
	}
	b.WriteString("idle_threshold: 5m   # so that leaked sessions soon count as idle\n")
	b.WriteString(`client_groups:   # whose sessions these are
  - {group: inventory, users: [inventory]}
  - {group: checkout, cidrs: [10.20.1.0/24, 10.20.2.0/24]}
  - {group: web, cidrs: [10.20.3.0/24]}
  - {group: workers, names: ^worker-}
  - {group: feed, users: [feed, notify]}
  - {group: analytics, users: [reporting]}
`)
	return b.String()
}

// RedisInstance returns a single-node instance with the sessions of a real
// Redis.
func RedisInstance(source Redis) Instance {
	host, port, _ := net.SplitHostPort(source.Addr)
	portNumber, _ := strconv.Atoi(port) // 0 is the default
	return Instance{
		ID: demoID(1, 9, 0), ProjectID: DemoProject, Name: "redis", EngineVersion: "7.0", SpecCode: "redis.single.xu1.large.1",
		Nodes: []Node{{ID: demoID(2, 9, 1), Name: "redis-node-1", Role: "redis-server", Type: "master", IP: host, Port: portNumber, GroupName: "group-0", AZCode: DemoRegion + "a", Sessions: source}},
	}
}
