package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"
	"dcs_session_exporter/internal/emulator"

	"github.com/chromedp/chromedp"
)

// TestSessionsInBrowser goes through the live table as an operator does, in a
// real browser, with the sessions of a real Redis, some of which strangers have
// named.
func TestSessionsInBrowser(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	admin := connect(t, redis, "")
	admin.do(`ACL SETUSER reporting on >pw ~* +@all`, "SETRANGE big 4194303 x", "CLIENT SETNAME admin")
	for i := range 60 {
		connect(t, redis, fmt.Sprintf("127.0.7.%d", 1+i%3)).do(fmt.Sprintf("CLIENT SETNAME app-%02d", i))
	}
	for _, name := range []string{`<script>alert(1)</script>`, `"><img/src=x/onerror=alert(2)>`, `javascript:alert(3)`, `=HYPERLINK("http://evil.example")`} {
		connect(t, redis, "127.0.8.1").do(fmt.Sprintf("CLIENT SETNAME %q", name))
	}
	slow := connect(t, redis, "127.0.9.9")
	slow.do("AUTH reporting pw", "CLIENT SETNAME slow")
	for range 8 {
		slow.send("GET big")
	}
	single := emulator.RedisInstance(emulator.Redis{Addr: redis})
	several := emulator.DemoFleet(1)[1]
	api, config := harness.StartAPI(t, emulator.Options{ScanDuration: 100 * time.Millisecond}, "scan: {min_interval: 1h, wait: 5s}\n", single, several)
	exporter := harness.StartExporter(t, "--config.file="+config, "--web.enable-sessions")

	b := openBrowser(t)
	b.do(chromedp.Navigate("http://" + exporter.Address + "/"))
	b.press(`a[href="sessions"]`)
	b.fits("instances")
	b.press(`li:nth-child(1) a`)
	if got := b.texts("h1"); !slices.Equal(got, []string{"Sessions of prod-orders-ha (" + several.ID + ")"}) {
		t.Errorf("the headline is %q", got)
	}
	if got := b.texts("li a"); len(got) != 2 || !strings.Contains(got[0], several.Nodes[0].ID) {
		t.Errorf("nodes to choose from: %q", got)
	}
	b.fits("nodes")
	b.do(chromedp.SetValue(`select[name=instance]`, single.ID))
	b.press("form:nth-of-type(1) button")

	// Nobody has scanned yet.
	if got := b.texts(".problem"); len(got) != 1 || !strings.Contains(got[0], "never scanned") {
		t.Errorf("before the first scan: %q", got)
	}
	b.fits("never-scanned")
	b.quiet("502 (Bad Gateway)", "/favicon.ico") // Chromium notes the status
	b.press(`form[method=post] button`)
	b.quiet()
	if n := api.Counts()["scan_clients"]; n != 1 {
		t.Fatalf("%d scans", n)
	}
	if got := b.texts("tbody tr"); len(got) != 50 {
		t.Fatalf("%d rows, want 50:\n%s", len(got), strings.Join(b.texts("main"), "\n"))
	}
	if got := strings.Join(b.texts("main"), "\n"); !strings.Contains(got, "Sessions 1 to 50 of 66") || !strings.Contains(got, "The list was taken 0s ago") && !strings.Contains(got, "The list was taken 1s ago") {
		t.Errorf("it says\n%s", got)
	}

	// column returns the values of a column.
	column := func(name string) []string {
		t.Helper()
		at := slices.IndexFunc(b.texts("th"), func(head string) bool { return strings.Fields(head)[0] == name })
		if at < 0 {
			t.Fatalf("no column %s of %q", name, b.texts("th"))
		}
		return b.texts(fmt.Sprintf("tbody td:nth-child(%d)", at+1))
	}
	b.press("nav.pages a:nth-of-type(1)") // next
	if got := b.texts("tbody tr"); len(got) != 16 {
		t.Errorf("%d rows on the second page", len(got))
	}
	b.press(`th a[href*="sort=omem"]`)
	if got := column("name"); len(got) != 50 || got[0] != "slow" || got[1] == "slow" {
		t.Errorf("by output memory: %q", got)
	}
	b.fits("table")
	b.press(`th a[href*="sort=name"]`)
	names := column("name")
	for _, name := range []string{`<script>alert(1)</script>`, `"><img/src=x/onerror=alert(2)>`} {
		if !slices.Contains(names, name) {
			t.Errorf("the name %s is not among %q", name, names)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("names are not in order: %q", names)
	}
	state := value[string](b, "location.search")
	if query, err := url.ParseQuery(strings.TrimPrefix(state, "?")); err != nil || query.Get("sort") != "name" || query.Get("instance") != single.ID || query.Get("node") != single.Nodes[0].ID {
		t.Errorf("the state is %s", state)
	}
	b.do(chromedp.Reload())
	if got := column("name"); !slices.Equal(got, names) {
		t.Errorf("after a reload: %q", got)
	}

	// One click selects an address, and one shows only its sessions.
	b.do(chromedp.Click("tbody tr:last-child code"))
	if got, want := value[string](b, "getSelection().toString()"), b.texts("tbody tr:last-child code")[0]; got != want || !strings.HasPrefix(got, "127.0.") {
		t.Errorf("a click selects %q, not %q", got, want)
	}
	b.do(chromedp.SetValue(`input[name=addr]`, "127.0.7.2"), chromedp.SetValue(`select[name=limit]`, "20"))
	b.press("form:nth-of-type(2) button")
	if got := column("addr"); len(got) != 20 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "127.0.7.2:") }) {
		t.Errorf("of one address: %q", got)
	}
	b.fits("address")
	b.quiet()
	b.press(`form[method=post] button`)
	if got := b.texts(".problem"); len(got) != 1 || !strings.Contains(got[0], "can be scanned again in") || api.Counts()["scan_clients"] != 1 {
		t.Errorf("a second scan within min_interval: %q, %d scans", got, api.Counts()["scan_clients"])
	}
	b.fits("too-early")
	b.quiet("429 (Too Many Requests)")

	sameOnCommandLine(t, exporter, config, single)
}

// sameOnCommandLine checks that the command shows what the page does, where
// they show the same list.
func sameOnCommandLine(t *testing.T, exporter *harness.Exporter, config string, instance emulator.Instance) {
	t.Helper()
	type list struct {
		Time     string
		Count    int
		Sessions []map[string]any
	}
	read := func(text []byte) (l list) {
		t.Helper()
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return l
	}
	_, _, page := exporter.Get(t, "/sessions?format=json&limit=1000&sort=age&instance="+instance.ID, nil)
	arguments := []string{"sessions", "--config.file=" + config, "--instance=" + instance.Name, "--limit=1000", "--sort=age"}
	out, code := harness.RunExporter(t, append(arguments, "-o", "json")...)
	if code != 0 {
		t.Fatalf("it ends with %d:\n%s", code, out)
	}
	shown, written := read(page), read([]byte(out))
	if fmt.Sprint(shown) != fmt.Sprint(written) || len(shown.Sessions) != 66 {
		t.Errorf("/sessions shows\n%v\nthe command\n%v", shown, written)
	}
	_, _, page = exporter.Get(t, "/sessions?format=csv&limit=1000&sort=age&instance="+instance.ID, nil)
	out, code = harness.RunExporter(t, append(arguments, "-o", "csv")...)
	if code != 0 || out != string(page) || !strings.Contains(out, `,"'=HYPERLINK(""http://evil.example"")",`) {
		t.Errorf("/sessions has\n%s\nthe command (exit code %d)\n%s", page, code, out)
	}
}
