package onlinecheck

import (
	"context"
	"slices"
	"time"

	"dcs_session_exporter/dcsapi"
)

// limitsTimeout bounds the request for limits, which only a warning comes of.
const limitsTimeout = 10 * time.Second

// limits checks, with one request, whether the limits of instances can be read: on
// the first instance that is read.
func (c *projectCheck) limits(ctx context.Context) {
	if c.options.Config.LimitsInterval <= 0 || c.isRefused() {
		return
	}
	k := slices.IndexFunc(c.report.Instances, func(i Instance) bool { return i.Skipped == "" && i.Result == OK && len(i.Findings) == 0 })
	if k < 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limitsTimeout)
	defer cancel()
	_, err := c.api.GetLimits(ctx, c.report.Instances[k].ID)
	if c.answered(actionGetConfiguration, err) || err == nil || dcsapi.IsUnsent(err) {
		return
	}
	f := c.explain(c.dcs(), "the limits of instances cannot be read", actionGetConfiguration, err)
	f.Severity, f.follows = SeverityWarning, nil
	if lacks(err) {
		f.Action = "add \"" + actionGetConfiguration + "\" to the policy's Action, or set limits_interval: 0s. Without it, how many connections a node accepts is known only from max_clients or from the specification"
	}
	c.add(&c.report.Findings, f)
}
