package exposition

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Families are metric families, sorted by name, each made when its turn comes: all
// of them at once would take several times the memory. An error may come with a
// family, which then lacks the series that it is about, or with nil in place of
// one.
type Families = iter.Seq2[*dto.MetricFamily, error]

// Render returns the families of a result that have one of the scopes and any
// series. The result must not be modified while they are ranged over.
func Render(r *Result, scopes ...Scope) Families {
	return func(yield func(*dto.MetricFamily, error) bool) {
		for _, m := range byName {
			if m.values == nil || !slices.Contains(scopes, m.Scope) {
				continue
			}
			f := newFamily(m)
			m.values(r, emitter{f})
			if done, err := f.finish(); (done != nil || err != nil) && !yield(done, err) {
				return
			}
		}
	}
}

// byName are the metrics of the catalogue, sorted by name.
var byName = func() []*Metric {
	sorted := make([]*Metric, len(catalogue))
	for i := range catalogue {
		sorted[i] = &catalogue[i]
	}
	slices.SortFunc(sorted, func(a, b *Metric) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}()

// Gathered returns the families that a gatherer gathers, each time that they are
// ranged over; its error comes before them.
func Gathered(g prometheus.Gatherer) Families {
	return func(yield func(*dto.MetricFamily, error) bool) {
		families, err := g.Gather()
		if err != nil && !yield(nil, err) {
			return
		}
		for _, f := range families {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Merge merges families. No two sources may have a family in common: of one that
// comes twice, the second is left out, with an error. The sources are begun in
// their order.
func Merge(sources ...Families) Families {
	type source struct {
		next func() (*dto.MetricFamily, error, bool)
		head *dto.MetricFamily // nil at the end
	}
	return func(yield func(*dto.MetricFamily, error) bool) {
		// advance reads the next family of a source, and yields errors that come
		// without one.
		advance := func(s *source) bool {
			for {
				f, err, ok := s.next()
				s.head = f
				if !ok || (f != nil && err == nil) {
					return true
				}
				if !yield(nil, err) {
					return false
				}
				if f != nil {
					return true
				}
			}
		}
		all := make([]*source, len(sources))
		for i, families := range sources {
			next, stop := iter.Pull2(families)
			defer stop()
			all[i] = &source{next: next}
			if !advance(all[i]) {
				return
			}
		}
		for last := ""; ; {
			var first *source
			for _, s := range all {
				if s.head != nil && (first == nil || s.head.GetName() < first.head.GetName()) {
					first = s
				}
			}
			if first == nil {
				return
			}
			f := first.head
			var err error
			if f.GetName() == last {
				f, err = nil, fmt.Errorf("%s is gathered twice", last)
			} else {
				last = f.GetName()
			}
			if !yield(f, err) || !advance(first) {
				return
			}
		}
	}
}

// Collect returns all families at once, and all errors as one (errors.Join).
func Collect(families Families) ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs []error
	for f, err := range families {
		if f != nil {
			all = append(all, f)
		}
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}
