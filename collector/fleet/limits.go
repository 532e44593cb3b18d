package fleet

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log/level"
)

// LimitsAPI reads what instances allow: a part of API.
type LimitsAPI interface {
	GetLimits(ctx context.Context, instanceID string) (dcsapi.Limits, error)
	GetFlavor(ctx context.Context, specCode string) (dcsapi.Flavor, error)
}

// Limits are what an instance allows, as far as the API has said: the last good
// values, if reading them has failed since.
type Limits struct {
	dcsapi.Limits
	SpecMaxClients int64     // connections that the specification supports, all nodes together; 0 if not known
	ReadAt         time.Time // when the configuration was last read, zero if never
}

// limitsLimit is how long reading the limits of all targets may take. It ends with
// the last of them; each request has its own deadline.
const limitsLimit = 24 * time.Hour

// limitsShare is the part of a project's rate limit that reading limits takes.
const limitsShare = 1.0 / 20

// limitsReader reads the limits of a project's instances in the background: one
// request after the other, with pauses between them, so that scrapes do not notice.
// It is safe for concurrent use.
type limitsReader struct {
	api LimitsAPI

	mu        sync.Mutex
	running   bool
	next      time.Time // of the next request
	resume    time.Time // until then nothing is read: the API throttled a request, or refused the key
	instances map[string]*limitsRead[dcsapi.Limits]
	flavors   map[string]*limitsRead[dcsapi.Flavor] // by spec code

	// A refusal concerns one instance, since permissions can be limited to enterprise
	// projects, or all of them.
	refusals  int       // in a row
	permitted bool      // a configuration has been read
	refused   time.Time // when the key was last found not to have the permission at all
}

// MaxRefusals is the number of refusals in a row after which the key is taken not to
// have the permission at all, unless it has had it for an instance before.
const MaxRefusals = 3

func newLimitsReader(api LimitsAPI) *limitsReader {
	return &limitsReader{api: api, instances: make(map[string]*limitsRead[dcsapi.Limits]), flavors: make(map[string]*limitsRead[dcsapi.Flavor])}
}

// RefreshLimits reads the limits of targets that have not been read within
// Options.LimitsInterval, in the background: one request at a time, at a twentieth
// of the rate limit, those first that were asked for longest ago. Limits that could
// not be read are asked for again after ten minutes, or Options.LimitsInterval if that
// is shorter or the key lacks the permission. Nothing is read while the project is
// throttled or an earlier call is still reading. After a request that was itself
// throttled, reading pauses for ten minutes likewise, or for as long as the API
// asks; after one whose key was refused, for Options.LimitsInterval. RefreshLimits
// forgets the limits of instances that are not remembered any more.
func (p *Project) RefreshLimits(targets []*Target) {
	o := p.tasks.options.Load()
	l := p.limits
	if o.LimitsInterval <= 0 || len(targets) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.instances {
		if !p.Remembers(id) {
			delete(l.instances, id)
		}
	}
	l.forgetFlavors(p.specCodes())
	now := time.Now()
	if l.running || now.Before(l.resume) || p.heldOff() || !slices.ContainsFunc(targets, func(t *Target) bool { return l.wants(t, now, o.LimitsInterval) }) {
		return
	}
	targets = slices.Clone(targets)
	slices.SortStableFunc(targets, func(a, b *Target) int { // those first that have waited longest
		return l.instances[a.ID].last().Compare(l.instances[b.ID].last())
	})
	l.running = p.tasks.run(limitsLimit, func(ctx context.Context) {
		p.readLimits(dcsapi.InBackground(ctx), targets)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running = false
	})
}

// specCodes returns the specifications of the listed instances.
func (l *lists) specCodes() map[string]bool {
	inventory, _, _ := l.inventory.peek()
	codes := make(map[string]bool)
	for i := range inventory.list {
		codes[inventory.list[i].SpecCode] = true
	}
	return codes
}

// forgetFlavors forgets specifications that no listed instance has. l.mu must be
// held.
func (l *limitsReader) forgetFlavors(listed map[string]bool) {
	maps.DeleteFunc(l.flavors, func(code string, _ *limitsRead[dcsapi.Flavor]) bool { return !listed[code] })
}

// heldOff reports whether the API throttles the project.
func (l *lists) heldOff() bool { return l.api.HoldOffError() != nil }

// wants reports whether there is anything to read of a target. l.mu must be held.
func (l *limitsReader) wants(t *Target, now time.Time, interval time.Duration) bool {
	return l.wantsConfiguration(t, now, interval) || l.wantsFlavor(t, now, interval)
}

// wantsConfiguration reports whether the configuration of a target is to be read.
// l.mu must be held.
func (l *limitsReader) wantsConfiguration(t *Target, now time.Time, interval time.Duration) bool {
	return l.instances[t.ID].due(now, interval) && (l.refused.IsZero() || now.Sub(l.refused) >= interval)
}

// wantsFlavor reports whether the specification of a target is to be read: where
// the configuration does not say how many connections the nodes accept. l.mu must
// be held.
func (l *limitsReader) wantsFlavor(t *Target, now time.Time, interval time.Duration) bool {
	limits, _ := l.instances[t.ID].read()
	known := limits.Servers.MaxClients
	if t.hasProxies() {
		known = limits.Proxies.MaxClients
	}
	return known == 0 && t.Details.SpecCode != "" && l.flavors[t.Details.SpecCode].due(now, interval)
}

// hasProxies reports whether clients connect to proxies, as far as the nodes are
// known.
func (t *Target) hasProxies() bool {
	all, _, _ := t.cached.nodes.peek()
	return slices.ContainsFunc(all, dcsapi.Node.IsProxy)
}

// readLimits reads the limits of targets, one request after the other, until the
// API does not serve the project.
func (p *Project) readLimits(ctx context.Context, targets []*Target) {
	l := p.limits
	for _, t := range targets {
		ok := true
		l.mu.Lock()
		interval := p.tasks.options.Load().LimitsInterval
		if interval <= 0 { // since a reload
			l.mu.Unlock()
			return
		}
		configuration := l.wantsConfiguration(t, time.Now(), interval)
		l.mu.Unlock()
		if configuration {
			ok = p.limitsRequest(ctx, func(ctx context.Context) error { return p.readConfiguration(ctx, t) })
		}
		l.mu.Lock()
		flavor := l.wantsFlavor(t, time.Now(), interval)
		l.mu.Unlock()
		if ok && flavor {
			ok = p.limitsRequest(ctx, func(ctx context.Context) error { return p.readFlavor(ctx, t.Details.SpecCode) })
		}
		if !ok {
			return
		}
	}
}

// limitsRequest sends a request when its turn has come. It reports whether further
// requests make sense.
func (p *Project) limitsRequest(ctx context.Context, send func(context.Context) error) bool {
	l := p.limits
	l.mu.Lock()
	wait := time.Until(l.next)
	l.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	requestCtx, cancel := context.WithTimeout(ctx, p.tasks.options.Load().Timeout)
	defer cancel()
	err := send(requestCtx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = time.Now().Add(time.Duration(float64(time.Second) / (cmp.Or(p.RequestsPerSecond, 20) * limitsShare)))
	if ctx.Err() != nil || dcsapi.IsUnsent(err) {
		return false
	}
	interval := p.tasks.options.Load().LimitsInterval
	switch failed, _ := errors.AsType[*dcsapi.Error](err); dcsapi.ReasonOf(err) {
	case dcsapi.ReasonThrottled:
		l.resume = time.Now().Add(max(min(limitsRetry, interval), failed.RetryAfter))
	case dcsapi.ReasonAuth: // it holds off the scrapes too
		l.resume = time.Now().Add(interval)
	default:
		return true
	}
	return false
}

// readConfiguration reads the configuration of a target.
func (p *Project) readConfiguration(ctx context.Context, t *Target) error {
	l, logger := p.limits, p.tasks.options.Load().Logger
	limits, err := l.api.GetLimits(ctx, t.ID)
	l.mu.Lock()
	defer l.mu.Unlock()
	refused := dcsapi.ReasonOf(err) == dcsapi.ReasonForbidden
	switch {
	case err != nil && l.instances[t.ID].failedBefore():
	case refused && l.refusals == 0:
		level.Warn(logger).Log("msg", "the key may not read the configuration of an instance, and perhaps of others: the connections that nodes accept come from their specification where it says so. Allow dcs:instance:getConfiguration, or set limits_interval: 0s",
			"region", p.api.Region(), "instance_id", t.ID, "reason", dcsapi.ReasonOf(err), "err", err)
	case err != nil && !refused:
		level.Warn(logger).Log("msg", "cannot read the limits of an instance: the last good values stay in force", "instance_id", t.ID, "reason", dcsapi.ReasonOf(err), "err", err)
	case err == nil && l.allRefused():
		level.Info(logger).Log("msg", "the configuration of instances can be read again", "region", p.api.Region())
	}
	switch {
	case err == nil:
		l.refusals, l.permitted, l.refused = 0, true, time.Time{}
	case refused:
		if l.refusals++; l.refusals >= MaxRefusals && !l.permitted {
			l.refused = time.Now()
		}
	}
	if !dcsapi.IsUnsent(err) {
		keep(l.instances, t.ID, limits, err)
	}
	return err
}

// readFlavor reads a specification. A failure shows only in the count of requests:
// the specification is an upper bound that most instances do not need.
func (p *Project) readFlavor(ctx context.Context, specCode string) error {
	flavor, err := p.limits.api.GetFlavor(ctx, specCode)
	p.limits.mu.Lock()
	defer p.limits.mu.Unlock()
	if !dcsapi.IsUnsent(err) {
		keep(p.limits.flavors, specCode, flavor, err)
	}
	return err
}

// Limits returns what the target allows, as far as it has been read: nothing where
// Options.LimitsInterval is 0. It does not wait.
func (t *Target) Limits() Limits {
	l := t.Project.limits
	if t.Project.tasks.options.Load().LimitsInterval <= 0 {
		return Limits{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var limits Limits
	limits.Limits, limits.ReadAt = l.instances[t.ID].read()
	flavor, _ := l.flavors[t.Details.SpecCode].read()
	limits.SpecMaxClients = flavor.MaxClients(t.Details.Capacity)
	return limits
}

// LimitsRefused reports whether the key was last found not to have the permission
// to read the configuration of any instance (see MaxRefusals).
func (l *lists) LimitsRefused() bool {
	l.limits.mu.Lock()
	defer l.limits.mu.Unlock()
	return l.limits.allRefused()
}

// allRefused reports whether the key seems not to have the permission for any
// instance. l.mu must be held.
func (l *limitsReader) allRefused() bool {
	return l.refusals >= MaxRefusals || (l.refusals > 0 && !l.permitted)
}
