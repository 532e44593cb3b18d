package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"

	"github.com/chromedp/chromedp"
)

// TestNewcomer goes from the demo's landing page to the sessions of a user on all
// nodes of an instance, and to its metrics, choosing everything by name.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	exporter := harness.StartExporter(t, "--demo", "--web.enable-sessions")
	const cluster = "d0c50001-0003-4000-8000-0000000f4df8"
	b := openBrowser(t)
	b.do(chromedp.Navigate("http://" + exporter.Address + "/"))
	if got := b.texts(".good"); !slices.Equal(got, []string{"All is well: every node was read in the last scrape."}) {
		t.Errorf("before anybody has scraped, it says %q", got)
	}
	if got := b.texts("select[name=instance] option"); len(got) != 7 || got[0] != "dev-single" || !slices.Contains(got, "prod-feed-cluster") {
		t.Errorf("instances to choose from: %q", got)
	}
	b.do(chromedp.SetValue(`select[name=instance]`, cluster))
	b.press(`form[action=sessions] button`)
	if got := b.texts("h1"); len(got) != 1 || !strings.Contains(got[0], "prod-feed-cluster") {
		t.Errorf("the headline is %q", got)
	}
	b.press("li:nth-child(1) a")
	if got := b.texts("nav.nodes a[aria-current]"); !slices.Equal(got, []string{"prod-feed-cluster-master-1"}) {
		t.Errorf("the node is %q", got)
	}
	b.press("nav.nodes a:nth-child(4)")
	if got := b.texts("nav.nodes a[aria-current]"); !slices.Equal(got, []string{"prod-feed-cluster-master-3"}) {
		t.Errorf("the next node is %q", got)
	}
	b.press("nav.nodes a:nth-child(1)")
	b.do(chromedp.SetValue(`input[name=user]`, "payments"))
	b.press("form:nth-of-type(2) button")
	main := strings.Join(b.texts("main"), "\n")
	if !strings.Contains(main, "with user payments") || !strings.Contains(main, "selected from them") || !strings.Contains(main, "Read at ") {
		t.Errorf("it says\n%s", main)
	}
	if users := b.texts("tbody td:nth-child(5)"); len(users) == 0 || slices.ContainsFunc(users, func(u string) bool { return u != "payments" }) {
		t.Errorf("users: %q", users)
	}
	if nodes := slices.Compact(slices.Sorted(slices.Values(b.texts("tbody td:nth-child(1)")))); len(nodes) < 2 {
		t.Errorf("nodes: %q", nodes)
	}

	b.do(chromedp.Navigate("http://"+exporter.Address+"/"), chromedp.SetValue(`select[name=target]`, cluster))
	b.press(`form[action=probe] button`)
	if got := value[string](b, "document.body.innerText"); !strings.Contains(got, "dcs_up{") || !strings.Contains(got, cluster) {
		t.Errorf("its metrics: %.300s", got)
	}
	b.do(chromedp.Navigate("http://" + exporter.Address + "/status"))
	b.press("tbody tr:nth-child(1) a")
	if got := value[string](b, "document.body.innerText"); !strings.Contains(got, "REQUESTS") || !strings.Contains(got, "list_clients") {
		t.Errorf("what a reading did: %.300s", got)
	}
	b.quiet("/favicon.ico")

	out, code := harness.RunExporter(t, "instances", "--demo")
	if code != 0 || !strings.Contains(out, "prod-feed-cluster  Redis 6.0  RUNNING") {
		t.Errorf("instances ends with %d:\n%s", code, out)
	}
	out, code = harness.RunExporter(t, "sessions", "--demo", "--instance=prod-feed-cluster", "--node=all", "--user=payments")
	if code != 0 || !strings.Contains(out, "prod-feed-cluster ("+cluster+"), all nodes\nSessions 1 to 20 of ") {
		t.Errorf("sessions ends with %d:\n%s", code, out)
	}
}
