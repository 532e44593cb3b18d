package onlinecheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
	"dcs_session_exporter/internal/emulator"
	"dcs_session_exporter/internal/onlinecheck"
)

// TestRefusedKey checks that a key is refused only once, however many projects use
// it.
func TestRefusedKey(t *testing.T) {
	h := newHarness(t, single("i1"), single("i2"))
	other := newHarness(t, single("i3", plain(1)))
	other.scan("i3", "i3-node")
	h.api.SetKey(emulator.Key{AccessKey: accessKey, SecretKey: "another", Projects: []string{"project-1"}})
	const three = "    instances: [{id: %s}, {id: %sb}, {id: %sc}]\n"
	// The third project has another key, which is good.
	other.api.SetKey(emulator.Key{AccessKey: "SECRETAK2", SecretKey: secretKey, Projects: []string{"project-1"}})
	third := strings.ReplaceAll(strings.ReplaceAll(other.project("cn-south-1", "project-1", other.server.URL), "access_key: "+accessKey, "access_key: SECRETAK2"), h.server.URL, other.server.URL)
	r := h.check("projects:\n" +
		h.project("cn-north-4", "project-1", h.server.URL) + fmt.Sprintf(three, "i1", "i1", "i1") +
		h.project("cn-east-3", "project-2", h.server.URL) + fmt.Sprintf(three, "i2", "i2", "i2") +
		third + "    instances: [{id: i3}]\n")
	refused := 0
	for _, request := range h.api.Requests() {
		if request.Unauthorized {
			refused++
		}
	}
	if refused != 1 || len(h.api.Requests()) != 1 {
		t.Errorf("%d refusals in %d requests, want one and no more", refused, len(h.api.Requests()))
	}
	var reasons []string
	for _, p := range r.Projects[:2] {
		if p.Result != onlinecheck.Failed || p.Key.Accepted == nil || *p.Key.Accepted || len(p.Findings) != 1 {
			t.Errorf("%+v", p)
			continue
		}
		reasons = append(reasons, p.Findings[0].Message)
		for _, i := range p.Instances {
			if i.Result != onlinecheck.NotChecked {
				t.Errorf("instance %s: %s", i.ID, i.Result)
			}
		}
	}
	slices.Sort(reasons)
	if len(reasons) != 2 || !strings.Contains(reasons[0], "already refused for another project") || !strings.Contains(reasons[1], "HTTP 401 APIGW.0301") {
		t.Errorf("got %q", reasons)
	}
	if p := r.Projects[2]; p.Key.Accepted == nil || !*p.Key.Accepted || p.Instances[0].Nodes[0].Sessions == nil {
		t.Errorf("the project with another key: %+v", p)
	}
}

// TestKeyRefusedLater checks a key that is refused in the middle of a check.
func TestKeyRefusedLater(t *testing.T) {
	h := newHarness(t, single("i1"), single("i2"))
	h.api.SetFaults(emulator.Fault{Operation: "list_project_nodes", BeforeAuth: true, Status: 401, Code: "APIGW.0301", Message: "deleted"})
	r := h.check(h.yaml("    instances: [{id: i1}, {id: i2}]\n    max_concurrent_requests: 1\n"))
	wantFindings(t, r, finding{failure, "auth", "deleted", "check access key"})
	h.wantRequests(r, map[string]int{"list_instances": 1, "list_project_nodes": 1})
	if i := r.Projects[0].Instances[1]; i.Result != onlinecheck.NotChecked {
		t.Errorf("the second instance: %+v", i)
	}
}

// noKey is a source without a key.
type noKey struct{}

func (noKey) Key(context.Context) (dcsapi.Key, error) {
	return dcsapi.Key{}, &dcsapi.Error{Op: "get credentials", Reason: dcsapi.ReasonAuth, Err: errors.New("no source has a key")}
}

func (noKey) Renew(context.Context, dcsapi.Key) (dcsapi.Key, error) { return noKey{}.Key(nil) } //nolint:staticcheck // not used

func TestNoKey(t *testing.T) {
	h := newHarness(t, single("i1"))
	h.keys = func() dcsapi.KeySource { return noKey{} }
	r := h.check(h.yaml(ofOne))
	wantFindings(t, r, finding{failure, "auth", "there is no key: no source has a key", "set credentials"})
	h.wantRequests(r, map[string]int{})
	if k := r.Projects[0].Key; k.Accepted != nil || k.Source != "" {
		t.Errorf("%+v", k)
	}
}
