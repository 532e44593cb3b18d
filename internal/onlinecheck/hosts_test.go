package onlinecheck_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/internal/onlinecheck"
)

// TestIAMNotNamed checks that the key is not sent to a guessed IAM host: without
// iam_endpoint, the IAM of another cloud is unknown.
func TestIAMNotNamed(t *testing.T) {
	h := newHarness(t, single("i1", plain(1)))
	h.scan("i1", "i1-node")
	r := h.check(strings.Replace(h.yaml(ofOne), "    iam_endpoint: "+h.server.URL+"\n", "", 1))
	wantFindings(t, r)
	h.wantRequests(r, map[string]int{"list_instances": 1, "list_nodes": 1, "list_clients": 1})
	if got, want := r.Projects[0].IAM.Detail, "not asked: its host cannot be derived from endpoint, and iam_endpoint is not set"; got != want {
		t.Errorf("IAM: got %q, want %q", got, want)
	}
}

// TestOtherHost checks that a region's possible other host is named but not
// contacted.
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

// TestKeyHosts checks that the report lists the hosts that receive the key, with
// the proxy in between but without its password.
func TestKeyHosts(t *testing.T) {
	h := newHarness(t)
	h.timeout = time.Second
	text := h.project("cn-north-4", "project-1", "https://dcs.cn-north-4.myhuaweicloud.com") + "    proxy_url: http://user:SECRETSK@127.9.9.9:9\n" + ofOne
	text = strings.Replace(text, "iam_endpoint: "+h.server.URL, "iam_endpoint: https://iam.cn-north-4.myhuaweicloud.com", 1)
	r := h.check("projects:\n" + text)
	want := []onlinecheck.KeyHost{{Host: "dcs.cn-north-4.myhuaweicloud.com", Proxy: "127.9.9.9:9"}, {Host: "iam.cn-north-4.myhuaweicloud.com", Proxy: "127.9.9.9:9"}}
	if got := r.Projects[0].KeyHosts; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	const line = "  key goes to  dcs.cn-north-4.myhuaweicloud.com through the proxy 127.9.9.9:9,"
	if table := h.table(r); !strings.Contains(table, line) {
		t.Errorf("got\n%s\nwithout %s", table, line)
	}
}
