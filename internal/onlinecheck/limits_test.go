package onlinecheck_test

import (
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"
)

// TestLimits checks that one request shows whether limits can be read, and that it
// is no failure if they cannot.
func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		fault   emulator.Fault
		granted string // yes, no, or - if not known
		want    []finding
	}{
		"granted":    {granted: "yes"},
		"forbidden":  {emulator.Fault{Status: 403, Code: "DCS.2003"}, "no", []finding{{warning, "forbidden", "lacks dcs:instance:getConfiguration", `add "dcs:instance:getConfiguration" to the policy`}}},
		"HTML":       {emulator.Fault{Body: []byte("<html>"), ContentType: "text/html"}, "-", []finding{{warning, "decode", "the limits of instances cannot be read", ""}}},
		"no list":    {emulator.Fault{Body: []byte(`{}`)}, "-", []finding{{warning, "decode", "the limits of instances cannot be read", ""}}},
		"empty list": {emulator.Fault{Body: []byte(`{"redis_config":[]}`)}, "yes", nil},
		"not found":  {emulator.Fault{Status: 404, Code: "DCS.3022"}, "-", []finding{{warning, "not_found", "the limits of instances cannot be read", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, single("i1", plain(1)), single("i2", plain(1)))
			h.scan("i1", "i1-node")
			h.scan("i2", "i2-node")
			if tt.fault.Status != 0 || tt.fault.Body != nil {
				tt.fault.Operation = "list_configs"
				h.api.SetFaults(tt.fault)
			}
			r := h.check(h.yaml("    instances: [{id: i1}, {id: i2}]\n") + limits)
			wantFindings(t, r, tt.want...)
			if n := h.api.Counts()["list_configs"]; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			granted := "-"
			for _, p := range r.Projects[0].Permissions {
				if p.Action == "dcs:instance:getConfiguration" && p.Granted != nil {
					granted = map[bool]string{true: "yes", false: "no"}[*p.Granted]
				}
			}
			if granted != tt.granted || r.Failures > 0 {
				t.Errorf("granted: %s, want %s; %d failures", granted, tt.granted, r.Failures)
			}
		})
	}
}

// TestMaskedWords checks that pass-through is recommended only where it can be
// turned on.
func TestMaskedWords(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*emulator.Instance)
		want   string
		not    string
	}{
		"off":             {func(i *emulator.Instance) { i.PassThrough = "off" }, "turn on client IP pass-through", "SSL"},
		"on":              {func(i *emulator.Instance) { i.PassThrough = "on" }, "after a reconnect", "turn on"},
		"excluded by SSL": {func(i *emulator.Instance) { i.PassThrough, i.SSL = "off", true }, "SSL is on", "turn on"},
		"unsupported":     {func(*emulator.Instance) {}, "has no client IP pass-through", "turn on"},
	} {
		t.Run(name, func(t *testing.T) {
			i := single("i1", masked(1))
			tt.change(&i)
			h := newHarness(t, i)
			h.scan("i1", "i1-node")
			r := h.check(h.yaml(ofOne))
			wantFindings(t, r, finding{warning, "masked", "", tt.want})
			if action := r.Projects[0].Instances[0].Nodes[0].Findings[0].Action; strings.Contains(action, tt.not) {
				t.Errorf("%q says %q", action, tt.not)
			}
		})
	}
}
