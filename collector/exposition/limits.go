package exposition

import (
	"maps"
	"slices"

	"dcs_session_exporter/collector/aggregate"
)

// The functions of this file emit the series about limits, and those that explain
// an instance.

func maxClients(r *Result, e emitter) {
	for i, n := range r.nodes() {
		if n.MaxClients > 0 {
			e.emit(float64(n.MaxClients), i.ID, n.Details.ID)
		}
	}
}

func specMaxClients(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.SpecMaxClients > 0 && i.Skipped == "" {
			e.emit(float64(i.SpecMaxClients), i.ID)
		}
	}
}

func maxClientsInfo(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.MaxClientsSource != "" && i.Skipped == "" {
			e.emit(1, i.ID, i.MaxClientsSource)
		}
	}
}

func limitsRead(r *Result, e emitter) {
	for _, i := range r.instances() {
		if !i.LimitsReadAt.IsZero() {
			e.emit(float64(i.LimitsReadAt.UnixMilli())/1000, i.ID)
		}
	}
}

func idleTimeout(r *Result, e emitter) {
	for i, n := range r.nodes() {
		if n.IdleTimeout != nil {
			e.emit(n.IdleTimeout.Seconds(), i.ID, n.Details.ID)
		}
	}
}

func beyondTimeout(r *Result, e emitter) {
	for i, n := range r.read() {
		if s := n.Snapshot; s.Timeout > 0 && s.BeyondTimeout.Known() {
			e.emit(float64(s.BeyondTimeout.Total), i.ID, n.Details.ID)
		}
	}
}

func bufferLimits(r *Result, e emitter) {
	for i, n := range r.nodes() {
		for _, class := range slices.Sorted(maps.Keys(n.OutputBuffer)) {
			limit := n.OutputBuffer[class]
			if limit.Hard != nil {
				e.emit(float64(*limit.Hard), i.ID, n.Details.ID, class, "hard")
			}
			if limit.Soft != nil {
				e.emit(float64(*limit.Soft), i.ID, n.Details.ID, class, "soft")
			}
		}
	}
}

func softLimitSeconds(r *Result, e emitter) {
	for i, n := range r.nodes() {
		for _, class := range slices.Sorted(maps.Keys(n.OutputBuffer)) {
			if d := n.OutputBuffer[class].SoftFor; d != nil {
				e.emit(d.Seconds(), i.ID, n.Details.ID, class)
			}
		}
	}
}

func maxMemory(r *Result, e emitter) {
	for i, n := range r.nodes() {
		if n.MaxMemory > 0 {
			e.emit(float64(n.MaxMemory), i.ID, n.Details.ID)
		}
	}
}

func clientIP(r *Result, e emitter) {
	for _, i := range r.instances() {
		if i.Details.ClientIP != "" {
			e.emit(1, i.ID, string(i.Details.ClientIP))
		}
	}
}

func dimensions(r *Result, e emitter) {
	for i, n := range r.nodes() {
		for _, d := range n.Details.Dimensions {
			if d.Name == "dcs_instance_id" {
				continue // that is instance_id
			}
			e.emit(1, i.ID, n.Details.ID, d.Name, d.Value)
		}
	}
}

// perClass collects one value per class of clients. Classes without sessions have
// only their number.
func perClass(value func(*aggregate.ClassStats) (float64, bool)) func(*Result, emitter) {
	return func(r *Result, e emitter) {
		for i, n := range r.read() {
			for class, name := range aggregate.Classes {
				if v, ok := value(&n.Snapshot.ByClass[class]); ok {
					e.emit(v, i.ID, n.Details.ID, name)
				}
			}
		}
	}
}

// outputMemory selects the output memory of a class that has sessions.
func outputMemory(of func(aggregate.Sum) int64) func(*aggregate.ClassStats) (float64, bool) {
	return func(c *aggregate.ClassStats) (float64, bool) {
		return float64(of(c.OutputMemory)), c.Sessions > 0 && c.OutputMemory.Known()
	}
}
