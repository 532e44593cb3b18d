package fleet

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// specifiedAPI is an API with one instance, whose specification may change.
type specifiedAPI struct {
	API
	spec string
	read func() // called by GetLimits; nil for nothing
}

func (a *specifiedAPI) Region() string         { return "r" }
func (a *specifiedAPI) KnownProjectID() string { return "p" }
func (a *specifiedAPI) HoldOffError() error    { return nil }

func (a *specifiedAPI) ListInstances(context.Context) ([]dcsapi.Instance, error) {
	return []dcsapi.Instance{{ID: "i", Status: "RUNNING", SpecCode: a.spec}}, nil
}

func (a *specifiedAPI) GetLimits(context.Context, string) (dcsapi.Limits, error) {
	if a.read != nil {
		a.read()
	}
	return dcsapi.Limits{}, nil
}

func (a *specifiedAPI) GetFlavor(_ context.Context, code string) (dcsapi.Flavor, error) {
	return dcsapi.Flavor{SpecCode: code}, nil
}

// TestForgetFlavors checks that specifications that no instance has any more take no
// memory: their codes are the API's.
func TestForgetFlavors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &specifiedAPI{spec: "old"}
		f := New(Options{DiscoveryInterval: time.Minute, Timeout: time.Second, LimitsInterval: time.Hour, Logger: log.NewNopLogger()},
			[]ProjectOptions{{API: api, Discover: func(dcsapi.Instance) bool { return true }}}, nil)
		defer f.Close()
		p := f.Projects()[0]
		for _, spec := range []string{"old", "new"} {
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			api.spec = spec
			p.AwaitInstances(t.Context()) // in the background, where the list is known
			synctest.Wait()
			p.RefreshLimits(slices.Collect(f.TargetsOf(p)))
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if _, ok := p.limits.flavors[spec]; !ok || len(p.limits.flavors) != 1 {
				t.Errorf("of the specification %q: remembered are %v", spec, p.limits.flavors)
			}
		}
	})
}

// TestTurnOffLimits checks that no more limits are read once a reload has turned that
// off.
func TestTurnOffLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		api := &specifiedAPI{}
		o := Options{DiscoveryInterval: time.Minute, Timeout: time.Second, LimitsInterval: time.Hour, Logger: log.NewNopLogger()}
		projects := []ProjectOptions{{API: api, Instances: []Instance{{ID: "a"}, {ID: "b"}, {ID: "c"}}}}
		f := New(o, projects, nil)
		api.read = func() {
			if reads++; reads == 1 {
				off := o
				off.LimitsInterval = 0
				New(off, projects, f)
			}
		}
		p := f.Projects()[0]
		p.RefreshLimits(slices.Collect(f.TargetsOf(p)))
		time.Sleep(time.Minute)
		f.Close()
		if reads != 1 {
			t.Errorf("%d instances were read, want 1", reads)
		}
	})
}
