package collector

import (
	"iter"
	"slices"

	"dcs_session_exporter/dcsapi"
)

// The functions of this file give the metrics of the catalogue their values.

// instances ranges over the instances of a scrape.
func (r *result) instances() iter.Seq2[*projectResult, *instanceResult] {
	return func(yield func(*projectResult, *instanceResult) bool) {
		for k := range r.projects {
			p := &r.projects[k]
			for _, i := range p.instances {
				if !yield(p, i) {
					return
				}
			}
		}
	}
}

// nodes ranges over the nodes that were to be read, with their instances.
func (r *result) nodes() iter.Seq2[*instanceResult, *nodeResult] {
	return func(yield func(*instanceResult, *nodeResult) bool) {
		for _, i := range r.instances() {
			if i.skipped != "" {
				continue
			}
			for _, n := range i.nodes {
				if !yield(i, n) {
					return
				}
			}
		}
	}
}

// read ranges over the nodes that were read, with their instances.
func (r *result) read() iter.Seq2[*instanceResult, *nodeResult] {
	return func(yield func(*instanceResult, *nodeResult) bool) {
		for i, n := range r.nodes() {
			if n.snapshot != nil && !yield(i, n) {
				return
			}
		}
	}
}

// perProject collects whether projects are up. Two may turn out to be the same
// one, read with different keys: both must work then.
func perProject(r *result, e emitter) {
	type project struct{ region, id string }
	up := make(map[project]bool)
	for _, p := range r.projects {
		before, there := up[project{p.region, p.id}]
		up[project{p.region, p.id}] = p.up && (before || !there)
	}
	for p, up := range up {
		e.emit(truth(up), p.region, p.id)
	}
}

func instanceUp(r *result, e emitter) {
	for _, i := range r.instances() {
		if i.skipped == "" {
			e.emit(truth(i.up()), i.ID)
		}
	}
}

func nodeUp(r *result, e emitter) {
	for i, n := range r.nodes() {
		e.emit(truth(n.err == nil), i.ID, n.details.ID)
	}
}

func nodeErrors(r *result, e emitter) {
	for _, i := range r.instances() {
		if i.skipped == "" && i.err != nil {
			e.emit(1, i.ID, "", string(dcsapi.ReasonOf(i.err)))
		}
	}
	for i, n := range r.nodes() {
		if n.err != nil {
			e.emit(1, i.ID, n.details.ID, string(dcsapi.ReasonOf(n.err)))
			continue
		}
		var reasons []string
		for _, w := range n.warnings {
			if reason := string(dcsapi.ReasonOf(w)); !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
				e.emit(1, i.ID, n.details.ID, reason)
			}
		}
	}
}

func nodeDuration(r *result, e emitter) {
	for i, n := range r.nodes() {
		e.emit(n.took.Seconds(), i.ID, n.details.ID)
	}
}

func skipped(r *result, e emitter) {
	for _, i := range r.instances() {
		if i.skipped != "" {
			e.emit(1, i.ID, i.skipped)
		}
	}
}

func instanceInfo(r *result, e emitter) {
	for p, i := range r.instances() {
		d := &i.Details
		e.emit(1, i.ID, d.Name, d.Engine, d.EngineVersion, d.SpecCode, p.region, p.id, d.EnterpriseProjectID)
	}
}

func instanceStatus(r *result, e emitter) {
	for _, i := range r.instances() {
		if i.Details.Status != "" {
			e.emit(1, i.ID, i.Details.Status)
		}
	}
}

func nodeInfo(r *result, e emitter) {
	for i, n := range r.nodes() {
		d := &n.details
		e.emit(1, i.ID, d.ID, d.Name, d.Role, d.Type, d.IP, d.Port, d.GroupName, d.AZCode)
	}
}

func maxClients(r *result, e emitter) {
	for i, n := range r.nodes() {
		if i.MaxClients > 0 {
			e.emit(float64(i.MaxClients), i.ID, n.details.ID)
		}
	}
}

func byFlag(r *result, e emitter) {
	for i, n := range r.read() {
		for k, f := range flagTable {
			if count := n.snapshot.Flags[k]; count > 0 || f.always {
				e.emit(float64(count), i.ID, n.details.ID, f.name)
			}
		}
	}
}

func folded(r *result, e emitter) {
	for i, n := range r.read() {
		for dimension, count := range n.snapshot.Folded {
			e.emit(float64(count), i.ID, n.details.ID, string(dimension))
		}
	}
}

// perNode collects one value per node that was read, if there is one.
func perNode(value func(*Snapshot) (float64, bool)) func(*result, emitter) {
	return func(r *result, e emitter) {
		for i, n := range r.read() {
			if v, ok := value(n.snapshot); ok {
				e.emit(v, i.ID, n.details.ID)
			}
		}
	}
}

// perChurn collects one counter per node that was read.
func perChurn(value func(Churn) int64) func(*result, emitter) {
	return func(r *result, e emitter) {
		for i, n := range r.read() {
			e.emit(float64(value(n.churn)), i.ID, n.details.ID)
		}
	}
}

// total collects a sum over a node's sessions.
func total(sum func(*Snapshot) Sum) func(*result, emitter) {
	return perNode(func(s *Snapshot) (float64, bool) {
		v := sum(s)
		return float64(v.Total), v.Known()
	})
}

// largest collects the largest value of a node's sessions.
func largest(sum func(*Snapshot) Sum) func(*result, emitter) {
	return perNode(func(s *Snapshot) (float64, bool) {
		v := sum(s)
		return float64(v.Max), v.Known()
	})
}

// perUser collects one value per user, if there is one.
func perUser(value func(*UserStats) (float64, bool)) func(*result, emitter) {
	return func(r *result, e emitter) {
		for i, n := range r.read() {
			for k := range n.snapshot.Users {
				u := &n.snapshot.Users[k]
				if v, ok := value(u); ok {
					e.emit(v, i.ID, n.details.ID, u.User)
				}
			}
		}
	}
}

// perUserDistribution collects one distribution per user, if it has values.
func perUserDistribution(of func(*UserStats) *Distribution, bounds func(*Options) []float64) func(*result, emitter) {
	return func(r *result, e emitter) {
		upper := bounds(r.options)
		for i, n := range r.read() {
			for k := range n.snapshot.Users {
				u := &n.snapshot.Users[k]
				if d := of(u); d.Count > 0 {
					e.distribution(d, upper, i.ID, n.details.ID, u.User)
				}
			}
		}
	}
}

// perClient collects one value per user and client address, if there is one.
func perClient(value func(*ClientStats) (float64, bool)) func(*result, emitter) {
	return func(r *result, e emitter) {
		for i, n := range r.read() {
			for k := range n.snapshot.Clients {
				c := &n.snapshot.Clients[k]
				if v, ok := value(c); ok {
					e.emit(v, i.ID, n.details.ID, c.User, c.Address)
				}
			}
		}
	}
}

// perValue collects the sessions per value of a dimension.
func perValue(counts func(*Snapshot) []ValueCount) func(*result, emitter) {
	return func(r *result, e emitter) {
		for i, n := range r.read() {
			for _, c := range counts(n.snapshot) {
				e.emit(float64(c.Sessions), i.ID, n.details.ID, c.Value)
			}
		}
	}
}

// truth is a condition as a metric's value.
func truth(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
