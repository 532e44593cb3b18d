package onlinecheck_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestIAMNotNamed checks that the key is not sent to an IAM host that is
// guessed: without iam_endpoint, that of another host is not known.
func TestIAMNotNamed(t *testing.T) {
	h := newHarness(t, single("i1", plain(1)))
	h.scan("i1", "i1-node")
	r := h.check(strings.Replace(h.yaml(ofOne), "    iam_endpoint: "+h.server.URL+"\n", "", 1))
	wantFindings(t, r)
	h.wantRequests(r, map[string]int{"list_instances": 1, "list_nodes": 1, "list_clients": 1})
	if got, want := r.Projects[0].IAM.Detail, "not asked: its host does not follow from endpoint, and iam_endpoint is not set"; got != want {
		t.Errorf("IAM: got %q, want %q", got, want)
	}
}

// TestOtherHost checks that the other host that a region's API may be at is
// named, and not asked.
func TestOtherHost(t *testing.T) {
	h := newHarness(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "dcs.eu-west-101.myhuaweicloud.com:443" {
			t.Errorf("%s was asked", r.Host)
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	text := "projects:\n" + h.project("eu-west-101", "project-1", "https://dcs.eu-west-101.myhuaweicloud.com") + "    no_proxy: 127.0.0.1\n    proxy_url: " + proxy.URL + "\n" + ofOne
	table := strings.Join(strings.Fields(h.table(h.check(text))), " ")
	if want := "it may be at another host: to use that, set endpoint: https://dcs.eu-west-101.myhuaweicloud.eu"; !strings.Contains(table, want) {
		t.Errorf("got %s\nwithout %s", table, want)
	}
}
