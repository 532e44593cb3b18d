package e2e_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"
)

// TestReplicationIsNoClient has a real Redis with a replica, whose links to each
// other are of the users default (on the master) and (superuser) (on the
// replica). Neither the alert nor the query about the default user takes them
// for clients.
func TestReplicationIsNoClient(t *testing.T) {
	t.Parallel()
	master, replica := startRedis(t), startRedis(t)
	host, port, err := net.SplitHostPort(master)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever gives orders is a client of the default user too: they leave.
	order := func(redis string, lines ...string) {
		t.Helper()
		c := connect(t, redis, "")
		c.do(lines...)
		_ = c.Close()
	}
	const acl = "ACL SETUSER orders on >pw ~* +@all"
	order(master, acl, "ACL SETUSER repl on >pw +psync +replconf +ping", "CONFIG SET repl-diskless-sync-delay 0")
	order(replica, acl, "REPLICAOF "+host+" "+port)

	instance := emulator.RedisInstance(emulator.Redis{Addr: master})
	node := instance.Nodes[0].ID
	second := instance.Nodes[0]
	second.ID, second.Type, second.Sessions = "replica", "slave", emulator.Redis{Addr: replica}
	instance.Nodes = append(instance.Nodes, second)
	_, config := harness.StartAPI(t, emulator.Options{}, scanned, instance)
	p := harness.StartPrometheus(t, scrapedBy("1s", [2]string{"dcs_sessions", harness.StartExporter(t, "--config.file="+config).Address}))

	var alert, any string // as it is, and with any number of sessions
	for _, r := range alertRules(t) {
		if r.Alert == "DcsDefaultUserInUse" {
			r.Expr = unnamed(r)
			alert = hasten(t, ruleFile{[]ruleGroup{{"", []rule{r}}}}, faster).Groups[0].Rules[0].Expr
			any = strings.TrimSuffix(alert, "> 5") + "> 0"
		}
	}
	var query string
	for _, q := range questions(t) {
		if q.title == "Who uses the default user, although there are others?" {
			query = q.query
		}
	}
	// stays checks that a query finds nothing, for as long as some scrapes take.
	stays := func(what, expr string) {
		t.Helper()
		harness.Await(t, what+" finding nothing", func() bool { return len(p.Query(t, time.Time{}, "%s", expr)) == 0 })
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			if found := p.Query(t, time.Time{}, "%s", expr); len(found) > 0 {
				t.Errorf("%s finds %v", what, found)
				return
			}
		}
	}

	var orders []*client
	for _, redis := range []string{master, master, replica} {
		c := connect(t, redis, "127.0.9.1")
		c.do("AUTH orders pw")
		orders = append(orders, c)
	}
	p.AwaitValue(t, 2, `dcs_sessions{user="orders", node_id=%q}`, node)
	p.AwaitValue(t, 1, `dcs_sessions{user="default", node_id=%q} == dcs_sessions_replication`, node)
	p.AwaitValue(t, 1, `dcs_sessions{user="(superuser)", node_id="replica"} == dcs_sessions_replication`)
	p.AwaitValue(t, 1, `dcs_client_replication_sessions{user="default", client_address="127.0.0.1", node_id=%q}`, node)
	stays("the alert, with clients of another user only,", any)
	stays("the query, with clients of another user only,", query)

	for n := range 6 {
		connect(t, master, "127.0.9.2").do("PING")
		if n == 0 {
			labels := map[string]string{"instance_id": instance.ID, "node_id": node}
			p.AwaitValue(t, 1, "%s", any)
			if found := p.Query(t, time.Time{}, "%s", any); len(found) != 1 || string(found[0].Metric["node_id"]) != labels["node_id"] || string(found[0].Metric["instance_id"]) != labels["instance_id"] {
				t.Errorf("one client of the default user: the alert finds %v, want 1 at %v", found, labels)
			}
			p.AwaitValue(t, 1, "%s", query)
			if found := p.Query(t, time.Time{}, "%s", query); len(found) != 1 || found[0].Metric["client_address"] != "127.0.9.2" {
				t.Errorf("one client of the default user: the query finds %v, want 1 from 127.0.9.2", found)
			}
		}
	}
	p.AwaitValue(t, 6, "%s", alert)

	// Now all clients are of the default user, and only links of others.
	for _, c := range orders {
		_ = c.Close()
	}
	for range 6 {
		connect(t, replica, "127.0.9.2").do("PING")
	}
	p.AwaitValue(t, 6, `dcs_sessions{user="default", node_id="replica"}`)
	stays("the alert, with clients of the default user only,", alert)
	stays("the query, with clients of the default user only,", query)

	order(replica, "CONFIG SET masteruser repl", "CONFIG SET masterauth pw")
	order(master, "CLIENT KILL TYPE replica")
	p.AwaitValue(t, 1, `dcs_sessions{user="repl", node_id=%q} == dcs_sessions_replication`, node)
	p.AwaitValue(t, 6, `dcs_sessions{user="default", node_id=%q}`, node)
	stays("the alert, with a replica of another user,", alert)
	stays("the query, with a replica of another user,", query)
}
