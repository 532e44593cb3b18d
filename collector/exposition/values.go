package exposition

import (
	"slices"

	"dcs_session_exporter/collector/aggregate"
	"dcs_session_exporter/dcsapi"
)

// The functions of this file emit the series of the catalogue's metrics.

// perProject collects whether projects are up. Two may turn out to be the same
// one, read with different keys: both must work then.
func perProject(r *Result, e emitter) {
	type identity struct{ region, id string }
	up := make(map[identity]bool)
	for _, p := range r.Projects {
		before, there := up[identity{p.Region, p.ID}]
		up[identity{p.Region, p.ID}] = p.Up && (before || !there)
	}
	for p, up := range up {
		e.emit(boolToFloat(up), p.region, p.id)
	}
}

func instanceUp(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.Skipped == "" {
			e.emit(boolToFloat(i.up()), i.ID)
		}
	}
}

func nodeUp(r *Result, e emitter) {
	for i, n := range r.nodes() {
		e.emit(boolToFloat(n.Error == ""), i.ID, n.Details.ID)
	}
}

func nodeErrors(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.Skipped == "" && i.Error != "" {
			e.emit(1, i.ID, "", string(i.Error))
		}
	}
	for i, n := range r.nodes() {
		if n.Error != "" {
			e.emit(1, i.ID, n.Details.ID, string(n.Error))
			continue
		}
		var emitted []dcsapi.Reason
		for _, reason := range n.Warnings {
			if !slices.Contains(emitted, reason) {
				emitted = append(emitted, reason)
				e.emit(1, i.ID, n.Details.ID, string(reason))
			}
		}
	}
}

func nodeDuration(r *Result, e emitter) {
	for i, n := range r.nodes() {
		e.emit(n.Took.Seconds(), i.ID, n.Details.ID)
	}
}

func skipped(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.Skipped != "" {
			e.emit(1, i.ID, i.Skipped)
		}
	}
}

func instanceInfo(r *Result, e emitter) {
	for p, i := range r.instances() {
		d := &i.Details
		e.emit(1, i.ID, d.Name, d.Engine, d.EngineVersion, d.SpecCode, p.Region, p.ID, d.EnterpriseProjectID)
	}
}

func instanceStatus(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.Details.Status != "" {
			e.emit(1, i.ID, i.Details.Status)
		}
	}
}

func nodeInfo(r *Result, e emitter) {
	for i, n := range r.nodes() {
		d := &n.Details
		e.emit(1, i.ID, d.ID, d.Name, d.Role, d.Type, d.IP, d.Port, d.GroupName, d.AZCode)
	}
}

func byFlag(r *Result, e emitter) {
	for i, n := range r.read() {
		for flag, count := range n.Snapshot.ByFlag() {
			e.emit(float64(count), i.ID, n.Details.ID, flag)
		}
	}
}

func folded(r *Result, e emitter) {
	for i, n := range r.read() {
		for dimension, count := range n.Snapshot.Folded {
			e.emit(float64(count), i.ID, n.Details.ID, string(dimension))
		}
	}
}

// perNode collects one value per node that was read, if there is one.
func perNode(value func(*aggregate.Snapshot) (float64, bool)) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			if v, ok := value(n.Snapshot); ok {
				e.emit(v, i.ID, n.Details.ID)
			}
		}
	}
}

// perChurn collects one counter per node that was read.
func perChurn(value func(aggregate.Churn) int64) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			e.emit(float64(value(n.Churn)), i.ID, n.Details.ID)
		}
	}
}

// total collects a sum over a node's sessions.
func total(sum func(*aggregate.Snapshot) aggregate.Sum) func(*Result, emitter) {
	return perNode(func(s *aggregate.Snapshot) (float64, bool) {
		v := sum(s)
		return float64(v.Total), v.Known()
	})
}

// largest collects the largest value of a node's sessions.
func largest(sum func(*aggregate.Snapshot) aggregate.Sum) func(*Result, emitter) {
	return perNode(func(s *aggregate.Snapshot) (float64, bool) {
		v := sum(s)
		return float64(v.Max), v.Known()
	})
}

// perUser collects one value per user, if there is one.
func perUser(value func(*aggregate.UserStats) (float64, bool)) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			for k := range n.Snapshot.Users {
				u := &n.Snapshot.Users[k]
				if v, ok := value(u); ok {
					e.emit(v, i.ID, n.Details.ID, u.User)
				}
			}
		}
	}
}

// perUserHistogram collects one distribution per user, if it has values.
func perUserHistogram(of func(*aggregate.UserStats) *aggregate.Histogram, bounds func(*Result) []float64) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		upper := bounds(r)
		for i, n := range r.read() {
			for k := range n.Snapshot.Users {
				u := &n.Snapshot.Users[k]
				if d := of(u); d.Count > 0 {
					e.distribution(d, upper, i.ID, n.Details.ID, u.User)
				}
			}
		}
	}
}

// perClient collects one value per user and client address, if there is one.
func perClient(value func(*aggregate.ClientStats) (float64, bool)) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			for k := range n.Snapshot.Clients {
				c := &n.Snapshot.Clients[k]
				if v, ok := value(c); ok {
					e.emit(v, i.ID, n.Details.ID, c.User, c.Address)
				}
			}
		}
	}
}

// perGroup collects one value per group, if there is one.
func perGroup(value func(*aggregate.GroupStats) (float64, bool)) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			for k := range n.Snapshot.Groups {
				g := &n.Snapshot.Groups[k]
				if v, ok := value(g); ok {
					e.emit(v, i.ID, n.Details.ID, g.Group)
				}
			}
		}
	}
}

// perValue collects the sessions per value of a dimension.
func perValue(counts func(*aggregate.Snapshot) []aggregate.ValueCount) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			for _, c := range counts(n.Snapshot) {
				e.emit(float64(c.Sessions), i.ID, n.Details.ID, c.Value)
			}
		}
	}
}

// boolToFloat is a condition as a metric's value.
func boolToFloat(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
