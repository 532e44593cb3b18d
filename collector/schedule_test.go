package collector_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
)

// singles returns instances of one node each.
func singles(from, to int) []emulator.Instance {
	var all []emulator.Instance
	for i := from; i <= to; i++ {
		instance := instanceOf(fmt.Sprintf("instance-%d", i), 3)
		instance.Nodes[0].ID = fmt.Sprintf("node-of-%d", i)
		all = append(all, instance)
	}
	return all
}

// listedSingly makes the API one that lists the nodes of one instance at a time.
var listedSingly = emulator.Fault{Operation: "list_project_nodes", Status: 404, Code: "APIGW.0101"}

// TestUnlistedInstances reads more instances whose nodes are not known than the
// rate limit allows: they share one budget, so that those that are begun are
// read, and all of them have their turn.
func TestUnlistedInstances(t *testing.T) {
	t.Parallel()
	const instances = 60
	h := newHarness(t, setup{
		instances: singles(1, instances),
		faults:    []emulator.Fault{listedSingly},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
		collector: func(o *collector.Options) { o.DiscoveryInterval = time.Hour },
	})
	seen := make(map[int]bool)
	for scrape := range 8 {
		got := h.scrape(2 * time.Second)
		up := 0
		for i := 1; i <= instances; i++ {
			id := fmt.Sprintf("instance_id=instance-%d", i)
			if got.sum("dcs_up", id) == 1 {
				up++
				seen[i] = true
				continue
			}
			got.want(t, 1, "dcs_node_error", id, "reason=timeout")
		}
		// 20 at once and 20 per second: 60 requests, four an instance at first.
		if least := 8; up < least {
			t.Errorf("scrape %d: %d instances are read, want %d or more", scrape, up, least)
		}
		lines := h.logs.take()
		if n := strings.Count(lines, "cannot read"); n > 6 {
			t.Errorf("scrape %d: %d instances or nodes are begun and not read:\n%s", scrape, n, lines)
		}
		if n := strings.Count(lines, "not all instances can be read"); n > 1 || (scrape == 0 && n == 0) {
			t.Errorf("scrape %d: %d lines say that not all instances can be read:\n%s", scrape, n, lines)
		}
	}
	if len(seen) != instances {
		t.Errorf("%d of %d instances had a turn", len(seen), instances)
	}
}

// TestNewInstanceComesFirst adds an instance to others that take all that the
// rate limit allows: it has waited longest.
func TestNewInstanceComesFirst(t *testing.T) {
	t.Parallel()
	h := newHarness(t, setup{
		instances: singles(1, 60),
		faults:    []emulator.Fault{listedSingly},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
		collector: func(o *collector.Options) { o.DiscoveryInterval = time.Hour },
		read:      []fleet.Instance{},
	})
	read := func(to int, c *collector.Collector) *collector.Collector {
		o := h.options
		o.Projects = []collector.Project{o.Projects[0]}
		o.Projects[0].Instances = nil
		for i := 1; i <= to; i++ {
			o.Projects[0].Instances = append(o.Projects[0].Instances, fleet.Instance{ID: fmt.Sprintf("instance-%d", i)})
		}
		next := collector.New(o, h.own, c)
		c.CloseExcept(next)
		h.collector = next
		return next
	}
	c := read(59, h.collector)
	for range 7 {
		h.scrapeOf(c, 2*time.Second)
	}
	c = read(60, c)
	if got := h.scrapeOf(c, 4*time.Second); got.sum("dcs_up", "instance_id=instance-60") != 1 {
		t.Errorf("the new instance is not read in its first scrape: %s", h.logs.take())
	}
}

// TestListsThatTakeMuch reads nodes each of which takes a large part of what the
// rate limit allows in a scrape: they are read in turns, rather than all begun
// and none finished.
func TestListsThatTakeMuch(t *testing.T) {
	t.Parallel()
	const nodes = 6
	sizes := make([]int, nodes)
	for i := range sizes {
		sizes[i] = 150 // 15 pages
	}
	h := newHarness(t, setup{
		api:       emulator.Options{PageCap: 10},
		instances: []emulator.Instance{instanceOf("instance-1", sizes...)},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 15 },
	})
	seen := make(map[int]bool)
	for range 8 {
		got := h.scrape(3 * time.Second) // 45 to 60 requests, of about 110
		for n := range nodes {
			if got.sum("dcs_node_up", fmt.Sprintf("node_id=node-%d", n+1)) == 1 {
				seen[n] = true
			}
		}
	}
	if len(seen) != nodes {
		t.Errorf("%d of %d nodes were read in eight scrapes", len(seen), nodes)
	}
}

// TestListsWithoutEnd reads nodes beside a dozen whose lists claim far more
// sessions than a scrape has time for: those take a part of what the rate limit
// allows, not all of it.
func TestListsWithoutEnd(t *testing.T) {
	t.Parallel()
	const huge, small = 12, 3
	sizes := slices.Repeat([]int{20_000}, huge) // 2,000 pages
	other := instanceOf("other", slices.Repeat([]int{15}, small)...)
	for k := range small {
		other.Nodes[k].ID = fmt.Sprintf("other-%d", k+1)
	}
	h := newHarness(t, setup{
		api:       emulator.Options{PageCap: 10},
		instances: []emulator.Instance{instanceOf("huge", sizes...), other},
		client:    func(o *dcsapi.Options) { o.RequestsPerSecond = 20 },
	})
	for range 3 {
		got := h.scrape(5 * time.Second)
		for k := range small {
			got.wantNodeUp(t, fmt.Sprintf("other-%d", k+1), 15)
		}
	}
}
