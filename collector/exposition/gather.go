package exposition

import (
	"cmp"
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Families returns the metric families of a result that have one of the scopes,
// sorted by name. An error leaves out only the series that it is about.
func Families(r *Result, scopes ...Scope) ([]*dto.MetricFamily, error) {
	var families []*dto.MetricFamily
	var errs []error
	for i := range catalogue {
		m := &catalogue[i]
		if m.values == nil || !slices.Contains(scopes, m.Scope) {
			continue
		}
		f := newFamily(m)
		m.values(r, emitter{f})
		done, err := f.finish()
		errs = append(errs, err)
		if done != nil {
			families = append(families, done)
		}
	}
	families, err := join(families)
	return families, errors.Join(append(errs, err)...)
}

// Gatherers gathers from all, one after the other. Unlike prometheus.Gatherers
// it leaves families as they are: no two may have a metric in common.
type Gatherers []prometheus.Gatherer

// Gather implements prometheus.Gatherer.
func (g Gatherers) Gather() ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs []error
	for _, gatherer := range g {
		families, err := gatherer.Gather()
		all, errs = append(all, families...), append(errs, err)
	}
	all, err := join(all)
	return all, errors.Join(append(errs, err)...)
}

// join puts metric families in order. That one comes twice is an error.
func join(families []*dto.MetricFamily) ([]*dto.MetricFamily, error) {
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	var errs []error
	unique := slices.CompactFunc(families, func(a, b *dto.MetricFamily) bool {
		same := a.GetName() == b.GetName()
		if same {
			errs = append(errs, errors.New(a.GetName()+" is gathered twice"))
		}
		return same
	})
	return unique, errors.Join(errs...)
}
