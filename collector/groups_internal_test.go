package collector

import (
	"slices"
	"testing"
	"time"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/collector/exposition"
)

// TestUnusedGroups checks that a group counts as unused after a day without
// sessions in which nodes were read, and is logged once a day.
func TestUnusedGroups(t *testing.T) {
	groups := aggregate.NewGroups([]aggregate.GroupRule{{Group: "a", Users: []string{"a"}}, {Group: "b", Users: []string{"b"}}})
	result := func(used ...string) *exposition.Result {
		return &exposition.Result{Projects: []exposition.Project{{Instances: []exposition.Instance{{Nodes: []exposition.Node{{Snapshot: &aggregate.Snapshot{UsedGroups: used}}}}}}}}
	}
	var u groupUse
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u.observe(groups, result("a", "b"), start)
	for _, tt := range []struct {
		after  time.Duration
		used   []string
		unused []string
	}{
		{time.Hour, []string{"a"}, nil},
		{23 * time.Hour, []string{"a"}, nil},
		{25 * time.Hour, []string{"a"}, []string{"b"}},
		{26 * time.Hour, []string{"a", "b"}, nil},
		{60 * time.Hour, nil, []string{"a", "b"}},
	} {
		now := start.Add(tt.after)
		if !u.observe(groups, result(tt.used...), now) {
			t.Error("no node was read")
		}
		if got := u.unused(groups, now); !slices.Equal(got, tt.unused) {
			t.Errorf("after %s: got %v, want %v", tt.after, got, tt.unused)
		}
	}
	now := start.Add(61 * time.Hour)
	onlyA := aggregate.NewGroups([]aggregate.GroupRule{{Group: "a", Users: []string{"a"}}})
	u.observe(onlyA, result("a"), now)
	u.observe(groups, result("a"), now.Add(time.Hour))
	if got := u.unused(groups, now.Add(2*time.Hour)); len(got) > 0 {
		t.Errorf("of groups that a reload has brought back: got %v", got)
	}
	if u.observe(groups, &exposition.Result{}, now) {
		t.Error("a node was read")
	}
	if !u.report("b", now) || u.report("b", now.Add(23*time.Hour)) || !u.report("b", now.Add(25*time.Hour)) {
		t.Error("a group is not reported once a day")
	}
	if got := u.unused(nil, now); got != nil || u.observe(nil, result(), now) {
		t.Errorf("without groups: %v", got)
	}
}
