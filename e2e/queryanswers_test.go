package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/common/model"
)

// placed is a session with where it is.
type placed struct {
	instance emulator.Instance
	node     emulator.Node
	emulator.Session
}

// address returns the client's host.
func (p placed) address() string {
	host, _, _ := net.SplitHostPort(p.Addr)
	return host
}

// class returns the class of client by which output buffers are limited.
func (p placed) class() string {
	for _, c := range [][2]string{{"M", "master"}, {"S", "replica"}, {"P", "pubsub"}} {
		if strings.Contains(p.Flags, c[0]) {
			return c[1]
		}
	}
	return "normal"
}

// by returns the labels of the session that have these names, as answers writes
// them.
func (p placed) by(names ...string) string {
	all := map[string]string{
		"instance_id": p.instance.ID, "instance_name": p.instance.Name, "node_id": p.node.ID, "node_type": p.node.Type,
		"user": p.User, "client_address": p.address(), "name": p.Name, "command": p.Cmd, "class": p.class(),
	}
	metric := make(model.Metric)
	for _, name := range names {
		if all[name] != "" {
			metric[model.LabelName(name)] = model.LabelValue(all[name])
		}
	}
	return metric.String()
}

// answers returns the values that a query has found, by their labels.
func answers(vector model.Vector) map[string]float64 {
	out := make(map[string]float64)
	for _, sample := range vector {
		metric := sample.Metric.Clone()
		delete(metric, model.MetricNameLabel)
		out[metric.String()] = float64(sample.Value)
	}
	return out
}

// sumBy adds up a number of the sessions, by labels.
func sumBy(all []placed, number func(placed) float64, names ...string) map[string]float64 {
	out := make(map[string]float64)
	for _, p := range all {
		out[p.by(names...)] += number(p)
	}
	return out
}

// maxBy returns the greatest number of the sessions, by labels.
func maxBy(all []placed, number func(placed) float64, names ...string) map[string]float64 {
	out := make(map[string]float64)
	for _, p := range all {
		out[p.by(names...)] = max(out[p.by(names...)], number(p))
	}
	return out
}

// each counts sessions; those counts the ones for which something holds.
func each(placed) float64 { return 1 }

func those(holds func(placed) bool) func(placed) float64 {
	return func(p placed) float64 {
		if holds(p) {
			return 1
		}
		return 0
	}
}

// above keeps the values that are greater than a limit.
func above(limit float64, values map[string]float64) map[string]float64 {
	maps.DeleteFunc(values, func(_ string, v float64) bool { return v <= limit })
	return values
}

// ratio divides what has the same labels.
func ratio(a, b map[string]float64) map[string]float64 {
	out := make(map[string]float64)
	for key := range a {
		out[key] = a[key] / b[key]
	}
	return out
}

// ofInstance matches the instance in labels.
var ofInstance = regexp.MustCompile(`instance_id="[^"]*"`)

// top keeps the greatest n values of each instance.
func top(n int, values map[string]float64) map[string]float64 {
	rank := make(map[string]int)
	for _, key := range slices.SortedFunc(maps.Keys(values), func(a, b string) int { return cmp.Compare(values[b], values[a]) }) {
		instance := ofInstance.FindString(key)
		if rank[instance]++; rank[instance] > n {
			delete(values, key)
		}
	}
	return values
}

// medianIdle returns the median of idle times of an instance, as exact as
// buckets are: evenly spread within that which holds it.
func medianIdle(all []placed) map[string]float64 {
	byInstance := make(map[string][]int64)
	for _, p := range all {
		byInstance[p.by("instance_id")] = append(byInstance[p.by("instance_id")], p.Idle)
	}
	out := make(map[string]float64)
	for key, idle := range byInstance {
		rank, below, lower := float64(len(idle))/2, 0., 0.
		for _, upper := range []float64{1, 5, 15, 60, 300, 900, 3600, 21600, 86400, 604800} {
			within := 0.
			for _, v := range idle {
				if float64(v) <= upper {
					within++
				}
			}
			if within >= rank {
				out[key] = lower + (upper-lower)*(rank-below)/(within-below)
				break
			}
			below, lower = within, upper
		}
	}
	return out
}

// TestQueryAnswers checks the queries of docs/queries.md against the sessions
// that were put in, in all figures, with two targets that export all nodes.
func TestQueryAnswers(t *testing.T) {
	t.Parallel()
	asked := questions(t)
	fleet, all := answeredFleet()
	_, config := harness.StartAPI(t, emulator.Options{}, frozen, fleet...)
	exporter := harness.StartExporter(t, "--config.file="+config)
	exporter.Scrape(t, "/metrics", harness.ClassicText) // the first takes longest: no node fails in a second from here on
	rules, err := filepath.Abs("../monitoring/rules/recording.yml")
	if err != nil {
		t.Fatal(err)
	}
	p := harness.StartPrometheus(t, fmt.Sprintf("rule_files: [%s]\n", rules)+scrapedBy("1s", [2]string{"dcs_session_one", exporter.Address}, [2]string{"dcs_session_two", exporter.Address}))
	p.AwaitValue(t, 6, `count(dcs_up == 1)`)
	for _, i := range fleet[:3] { // their limits are read after the first scrape
		p.Await(t, `count(dcs_node_max_clients{instance_id=%q}) == %d`, i.ID, 2*len(i.Nodes))
	}
	allowed := map[string]float64{fleet[0].ID: 600, fleet[1].ID: 10000} // connections of each node
	const memory = 8192 << 20                                           // of the instance whose clients leave answers unread

	const instance, node, user, client = "instance_id", "node_id", "user", "client_address"
	idle := func(p placed) bool { return p.Idle > 300 && !strings.ContainsAny(p.Flags, "PbOSM") }
	flag := func(letter string) func(placed) float64 {
		return those(func(p placed) bool { return strings.Contains(p.Flags, letter) })
	}
	limited := func(p placed) bool { return p.instance.ID == fleet[0].ID }
	link := func(p placed) bool { return strings.ContainsAny(p.Flags, "SM") }
	privileged := func(p placed) bool { return p.User == "default" && !link(p) }
	opened := slices.DeleteFunc(slices.Clone(all), func(p placed) bool { return p.User == "(superuser)" })
	clients := slices.DeleteFunc(slices.Clone(all), link)
	masked := func(p placed) bool { return strings.HasPrefix(p.address(), "198.19.") }
	outside := func(p placed) bool { return !masked(p) && !strings.HasPrefix(p.address(), "10.") }
	output := func(p placed) float64 { return float64(p.OMem) }
	normal := slices.DeleteFunc(slices.Clone(all), func(p placed) bool { return p.class() != "normal" })
	// What nodes without sessions have.
	zero := func(values map[string]float64, names ...string) map[string]float64 {
		values[placed{instance: fleet[2], node: fleet[2].Nodes[0]}.by(names...)] = 0
		return values
	}

	nodes, read := make(map[string]float64), make(map[string]float64)
	for _, i := range fleet[:3] {
		for _, n := range i.Nodes {
			nodes[placed{instance: i, node: n}.by(instance, "node_type")]++
			read[placed{instance: i, node: n}.by(instance, node)] = 1
		}
	}
	perNode := sumBy(all, each, instance, node)
	average := ratio(sumBy(all, each, instance, "node_type"), nodes)
	uneven := ratio(maxBy(all, func(p placed) float64 { return perNode[p.by(instance, node)] }, instance, "node_type"), average)
	addresses, seen := make(map[string]float64), make(map[string]bool)
	for _, p := range all {
		if key := p.by(instance, node, client); !seen[key] {
			seen[key] = true
			addresses[p.by(instance, node)]++
		}
	}

	for title, want := range map[string]map[string]float64{
		"How many sessions does each instance have?":                   zero(sumBy(all, each, instance, "instance_name"), instance, "instance_name"),
		"Who holds the connections of each instance?":                  top(5, sumBy(all, each, instance, user, client)),
		"Which programs hold them?":                                    top(5, sumBy(all, each, instance, "name")),
		"What are they doing?":                                         top(5, sumBy(all, each, instance, "command")),
		"How near is each node to its limit of connections?":           sumBy(all, func(p placed) float64 { return 1 / allowed[p.instance.ID] }, instance, node),
		"Are the connections spread evenly over shards and proxies?":   uneven,
		"From how many addresses do they come?":                        zero(addresses, instance, node),
		"Which users hold connections that nobody uses?":               above(0, sumBy(all, those(idle), instance, user)),
		"What part of a user's sessions is idle?":                      ratio(sumBy(clients, those(idle), instance, user), sumBy(clients, each, instance, user)),
		"How long has the median session been idle?":                   medianIdle(opened),
		"Which session has been idle longest?":                         top(3, maxBy(opened, func(p placed) float64 { return float64(p.Idle) }, instance, node, user)),
		"Has everybody just reconnected?":                              ratio(sumBy(all, those(func(p placed) bool { return p.Age <= 300 }), instance, node), perNode),
		"Which connections are oldest?":                                top(3, maxBy(all, func(p placed) float64 { return float64(p.Age) }, instance, node, user)),
		"Who leaves answers unread?":                                   above(0, sumBy(all, output, instance, node, user, client)),
		"Does a normal client leave much unread?":                      above(64<<20, maxBy(all, output, instance, node)),
		"In how many seconds does a normal client pass 256 MiB?":       {}, // it does not grow
		"Which class of client takes the output memory?":               sumBy(all, output, instance, node, "class"),
		"What share of the memory do answers for normal clients take?": sumBy(normal, func(p placed) float64 { return output(p) / memory }, instance, node),
		"Is a subscriber or a replica about to be disconnected?":       {},
		"How much memory do the sessions of each node take?":           zero(sumBy(all, func(p placed) float64 { return float64(p.OMem + p.OBL + p.QBuf + p.QBufFree) }, instance, node), instance, node),
		"Who sends large commands?":                                    above(0, sumBy(all, func(p placed) float64 { return float64(p.QBuf) }, instance, node, user, client)),
		"Is somebody running MONITOR?":                                 above(0, sumBy(all, flag("O"), instance, node)),
		"Did somebody run MONITOR today?":                              above(0, sumBy(all, flag("O"), instance, node)),
		"How many sessions wait in blocking commands?":                 zero(sumBy(all, flag("b"), instance, node), instance, node),
		"How many subscriptions are there?":                            above(0, sumBy(all, func(p placed) float64 { return float64(p.Sub + p.PSub) }, instance, node)),
		"Who uses the default user, although there are others?":        above(0, sumBy(all, those(func(p placed) bool { return privileged(p) && limited(p) }), instance, client)),
		"Does somebody come from outside our networks?":                above(0, sumBy(all, those(outside), instance, user, client)),
		"Who was not there an hour ago?":                               sumBy(all, each, instance, node, user, client),
		"Can I trust the addresses?":                                   ratio(sumBy(all, those(masked), instance), sumBy(all, each, instance)),
		"What part of the hour was each node read?":                    read,
		"Which instances are left out on purpose?":                     {model.Metric{instance: model.LabelValue(fleet[3].ID), "reason": "not_running"}.String(): 1},
	} {
		i := slices.IndexFunc(asked, func(q question) bool { return q.title == title })
		if i < 0 {
			t.Errorf("docs/queries.md does not ask: %s", title)
			continue
		}
		checkAnswer(t, title, answers(p.Query(t, time.Time{}, "%s", asked[i].query)), want)
	}
	zero(perNode, instance, node)
	p.AwaitValue(t, float64(len(perNode)), `count(node:dcs_sessions:sum)`)
	checkAnswer(t, "the recording rule", answers(p.Query(t, time.Time{}, `node:dcs_sessions:sum`)), perNode)
}
