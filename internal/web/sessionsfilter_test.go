package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/aggregate"
)

// TestSessionsSelection checks what the page says if it selects sessions itself,
// and that all nodes can be shown at once.
func TestSessionsSelection(t *testing.T) {
	_, to := startWith(t, how{sessions: onLoopback()})
	get(t, to+"/metrics", nil)
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"node=node-1&user=orders", []string{"Sessions 1 to 2 of 2 with user orders", "The exporter read 5 sessions and selected from them", `name="user" value="orders"`, ">all sessions<", "Read at "}},
		{"node=node-1&addr=10.0.0.0/8&cmd=GET", []string{"Sessions 1 to 1 of 1 from 10.0.0.0/8 with command GET"}},
		{"node=node-1&name=%3Cb%3E*", []string{"No sessions of 0 with name &lt;b&gt;*", `value="&lt;b&gt;*"`}},
		{"node=node-1&addr=10.0.0.1", []string{"Sessions 1 to 2 of 2 from 10.0.0.1"}},
		{"node=node-1", []string{
			`<a href="sessions?instance=instance-1&amp;node=all">all nodes</a>`, `<a href="sessions?instance=instance-1&amp;node=node-1" aria-current="true">node-1-name</a>`,
			`<a href="sessions?instance=instance-1&amp;node=node-2">node-2-name</a>`,
		}},
		{"node=node-1&sort=omem&offset=1", []string{`<a href="sessions?instance=instance-1&amp;node=node-2&amp;sort=omem">node-2-name</a>`}},
		{"node=node-1-name", []string{"Sessions 1 to 5 of 5"}},
		{"node=all&sort=age", []string{
			"Sessions 1 to 5 of 5", `<th scope="col">node</th>`, `<td><a href="sessions?instance=instance-1&amp;node=node-1&amp;sort=age">node-1-name</a></td>`, `node=all&amp;sort=age" aria-current="true">all nodes</a>`,
			`<option value="all" selected>`,
		}},
	} {
		resp, body := get(t, to+"/sessions?instance=instance-1&"+tt.query, nil)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", tt.query, resp.Status)
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in\n%s", tt.query, want, body)
			}
		}
	}
	if _, body := get(t, to+"/sessions?instance=instance-1&node=node-1&addr=10.0.0.1", nil); strings.Contains(body, "selected from them") {
		t.Errorf("the API selects by address:\n%s", body)
	}
	if _, body := get(t, to+"/sessions?instance=instance-1&node=all", nil); strings.Contains(body, "Take a new list") || !strings.Contains(body, "Each node has a list of its own. A scrape can request the next one in ") || !strings.Contains(body, "(scan.min_interval 1h0m0s)") {
		t.Errorf("it should say when new lists are due, and cannot take one of all nodes:\n%s", body)
	}
	if resp, body := press(t, to, url.Values{"instance": {"instance-1"}, "node": {"all"}}, nil); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Choose one node") {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	if resp, body := get(t, to+"/sessions?instance=instance-1&node=nod-1&format=json", nil); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "did you mean node-1?") {
		t.Errorf("%s\n%s", resp.Status, body)
	}
}

// TestSessionsOfGroup checks that the page has a field for groups of clients where
// there are groups, and only there.
func TestSessionsOfGroup(t *testing.T) {
	const field = `name="group"`
	_, without := startWith(t, how{sessions: onLoopback(), options: func(o *collector.Options) { o.Aggregate.Groups = nil }})
	_, with := startWith(t, how{sessions: onLoopback(), options: func(o *collector.Options) {
		o.Aggregate.Groups = aggregate.NewGroups([]aggregate.GroupRule{{Group: "checkout", Users: []string{"orders"}}})
	}})
	get(t, without+"/metrics", nil)
	get(t, with+"/metrics", nil)
	if _, body := get(t, without+"/sessions?instance=instance-1&node=node-1", nil); strings.Contains(body, field) {
		t.Errorf("there are no groups:\n%s", body)
	}
	_, body := get(t, with+"/sessions?instance=instance-1&node=node-1&group=checkout", nil)
	for _, want := range []string{field + ` value="checkout"`, "Sessions 1 to 2 of 2 of group checkout", `(<a href="sessions?instance=instance-1&amp;node=node-1">all sessions</a>)`, `<span title="group of clients, by client_groups in the configuration">group</span></th>`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if resp, body := get(t, with+"/sessions?instance=instance-1&node=node-1&group=chekout", nil); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "did you mean checkout?") {
		t.Errorf("%s\n%s", resp.Status, body)
	}
}
