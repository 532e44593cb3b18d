package collector_test

import (
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/internal/emulator"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// replay is a collector of families that were gathered.
type replay []*dto.MetricFamily

// series is one of them.
type series struct {
	desc *prometheus.Desc
	*dto.Metric
}

func (s series) Desc() *prometheus.Desc { return s.desc }

func (s series) Write(out *dto.Metric) error {
	proto.Merge(out, s.Metric)
	return nil
}

// desc returns the description of a family, by the catalogue.
func (replay) desc(name string) *prometheus.Desc {
	all := exposition.Catalogue()
	m := all[slices.IndexFunc(all, func(m exposition.Metric) bool { return m.Name == name })]
	return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
}

func (r replay) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range r {
		ch <- r.desc(f.GetName())
	}
}

func (r replay) Collect(ch chan<- prometheus.Metric) {
	for _, f := range r {
		for _, m := range f.Metric {
			ch <- series{r.desc(f.GetName()), m}
		}
	}
}

// wantConsistent checks that a pedantic registry finds nothing wrong with
// families, and puts their series in the same order.
func wantConsistent(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(replay(families)); err != nil {
		t.Errorf("the registry refuses what was gathered: %v", err)
		return
	}
	want, err := registry.Gather()
	if err != nil {
		t.Errorf("the registry finds what was gathered inconsistent: %v", err)
		return
	}
	for i := range want {
		if families[i].GetType() == dto.MetricType_GAUGE_HISTOGRAM && want[i].GetType() == dto.MetricType_HISTOGRAM {
			want[i].Type = dto.MetricType_GAUGE_HISTOGRAM.Enum()
		}
	}
	if !slices.EqualFunc(families, want, func(a, b *dto.MetricFamily) bool { return proto.Equal(a, b) }) {
		t.Errorf("gathered:\n%v\nfrom a registry:\n%v", families, want)
	}
}

// TestGatherRepeated checks that of series with the same labels one is served,
// with an error, and that ids that are not UTF-8 harm nobody.
func TestGatherRepeated(t *testing.T) {
	h := newHarness(t, setup{
		instances: []emulator.Instance{instanceOf("i", 3)},
		read:      []fleet.Instance{{ID: "i", Nodes: []string{"node-1", "node-1"}}, {ID: "odd", Nodes: []string{"\xff"}}},
	})
	families, err := h.collector.Scrape(t.Context()).Gather()
	if err == nil || !strings.Contains(err.Error(), "dcs_sessions: 3 series have the labels of another") {
		t.Errorf("got the error %v", err)
	}
	wantConsistent(t, families)
	for _, f := range families {
		if f.GetName() == "dcs_sessions" && len(f.Metric) != 3 {
			t.Errorf("got %v", f)
		}
	}
	if _, err := exposition.Collect(exposition.Merge(h.collector.Scrape(t.Context()).Families(), exposition.Gathered(h.registry), exposition.Gathered(h.registry))); err == nil || !strings.Contains(err.Error(), "dcs_session_exporter_scrape_errors_total is gathered twice") {
		t.Errorf("families that come twice: got the error %v", err)
	}
}
