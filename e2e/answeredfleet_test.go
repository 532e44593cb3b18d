package e2e_test

import (
	"fmt"

	"dcs_session_exporter/internal/emulator"
)

// answeredFleet returns instances with sessions of all kinds: master and
// standby, two shards without replicas, one that has no session, and one that
// does not run.
func answeredFleet() (fleet []emulator.Instance, all []placed) {
	demo := emulator.DemoFleet(1)
	orders, cluster, empty, stopped := demo[1], demo[2], demo[0], demo[5]
	cluster.Nodes = []emulator.Node{cluster.Nodes[0], cluster.Nodes[2]}
	empty.Nodes = empty.Nodes[:1]
	put := func(i *emulator.Instance, node int, count int, s emulator.Session) {
		list, _ := i.Nodes[node].Sessions.(emulator.Static)
		host := s.Addr
		for range count {
			s.ID = fmt.Sprint(len(list) + 1)
			s.Addr = fmt.Sprintf("%s:%d", host, 2000+len(list))
			s.Age, s.Idle = s.Age+7, s.Idle+3 // so that no two are alike
			list = append(list, s)
		}
		i.Nodes[node].Sessions = list
	}
	for _, i := range []*emulator.Instance{&orders, &cluster, &empty, &stopped} {
		for k := range i.Nodes {
			i.Nodes[k].Sessions = emulator.Static{}
		}
	}
	put(&orders, 0, 23, emulator.Session{Addr: "10.20.1.1", User: "orders", Name: "api", Cmd: "get", Flags: "N", DB: "0", QBufFree: 100})
	put(&orders, 0, 11, emulator.Session{Addr: "10.20.1.2", User: "orders", Name: "api", Cmd: "set", Flags: "N", DB: "0", QBuf: 30, OBL: 5})
	put(&orders, 0, 9, emulator.Session{Addr: "10.20.1.3", User: "inventory", Name: "sync", Cmd: "get", Flags: "N", DB: "3", Age: 90000, Idle: 7000})
	put(&orders, 0, 7, emulator.Session{Addr: "10.20.1.4", User: "notify", Cmd: "subscribe", Flags: "P", Sub: 2, PSub: 1, Age: 400, Idle: 400})
	put(&orders, 0, 6, emulator.Session{Addr: "10.20.1.5", User: "worker", Name: "worker", Cmd: "blpop", Flags: "b", Idle: 500})
	put(&orders, 0, 5, emulator.Session{Addr: "10.20.1.6", User: "default", Name: "cron", Cmd: "ping", Flags: "N"})
	put(&orders, 0, 1, emulator.Session{Addr: "10.20.1.7", User: "default", Cmd: "monitor", Flags: "O"})
	put(&orders, 0, 1, emulator.Session{Addr: "10.20.1.2", User: "feed", Name: "export", Cmd: "lrange", Flags: "N", OMem: 100 << 20, OLL: 9})
	put(&orders, 1, 4, emulator.Session{Addr: "10.20.1.1", User: "orders", Name: "api", Cmd: "get", Flags: "r", OMem: 20504})
	put(&orders, 1, 1, emulator.Session{Addr: "10.20.0.2", User: "(superuser)", Cmd: "ping", Flags: "M", Age: 400000, Idle: 9000000})
	put(&orders, 0, 1, emulator.Session{Addr: "10.20.0.3", User: "default", Cmd: "replconf", Flags: "S", Age: 400000, Idle: 9000})
	put(&orders, 0, 2, emulator.Session{Addr: "10.20.1.6", User: "default", Cmd: "replconf", Flags: "S"})
	put(&cluster, 0, 12, emulator.Session{Addr: "198.19.4.4", Cmd: "get", Flags: "N", Idle: 20})
	put(&cluster, 0, 3, emulator.Session{Addr: "[2001:db8::5]", Cmd: "hgetall", Flags: "x", QBuf: 4096, Idle: 20})
	put(&cluster, 1, 2, emulator.Session{Addr: "10.20.1.9", User: "default", Cmd: "get", Flags: "N"}) // it has no other users
	put(&cluster, 1, 1, emulator.Session{Addr: "10.20.0.4", User: "(superuser)", Cmd: "ping", Flags: "M", Idle: 30})
	put(&cluster, 1, 5, emulator.Session{Addr: "10.20.1.1", Cmd: "eval", Flags: "N", Idle: 1000})
	put(&stopped, 0, 2, emulator.Session{Addr: "10.20.1.1", Flags: "N"})
	for _, i := range []emulator.Instance{orders, cluster, empty} {
		for _, node := range i.Nodes {
			for _, s := range node.Sessions.(emulator.Static) {
				all = append(all, placed{i, node, s})
			}
		}
	}
	return []emulator.Instance{orders, cluster, empty, stopped}, all
}
