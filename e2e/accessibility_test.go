package e2e_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"dcs_session_exporter/e2e/harness"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestPagesAreAccessible opens the exporter's pages in both colour schemes, on a
// wide and on a narrow screen, as a newcomer meets them in the demo. axe-core must
// find nothing, and no page may be wider than the screen.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	exporter := harness.StartExporter(t, "--demo", "--web.enable-sessions")
	const cluster, pair = "d0c50001-0003-4000-8000-0000000f4df8", "d0c50001-0002-4000-8000-0000000f4a10"
	const master = "d0c50002-0002-4001-8000-0000001e8c51"
	pages := []struct{ name, path string }{
		{"landing", "/"},
		{"status", "/status"},
		{"instances", "/sessions"},
		{"nodes", "/sessions?instance=" + pair},
		{"table", "/sessions?instance=" + pair + "&node=" + master + "&limit=50"},
		{"selection", "/sessions?instance=" + pair + "&node=" + master + "&user=orders&name=*"},
		{"all nodes", "/sessions?instance=" + cluster + "&node=all&sort=omem&limit=20"},
		{"unknown", "/sessions?instance=nothing"},
		{"invalid", "/sessions?instance=" + pair + "&limit=0"},
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1366, 375} {
			t.Run(fmt.Sprintf("%s, %d pixels", scheme, width), func(t *testing.T) {
				b := openBrowser(t)
				b.do(chromedp.EmulateViewport(width, 768), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
					feature := emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
					_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{&feature}})
					return err
				}))
				for _, page := range pages {
					name := fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(page.name, " ", "-"), scheme, width)
					b.do(chromedp.Navigate("http://" + exporter.Address + page.path))
					b.fits(name)
					for _, found := range violations(b, string(axe)) {
						t.Errorf("%s: %s", name, found)
					}
					if page.name == "table" {
						headSticks(b, name)
					}
				}
			})
		}
	}
}

// awaited makes an evaluation wait for a promise.
func awaited(p *runtime.EvaluateParams) {
	await := true
	p.AwaitPromise = &await
}

// violations returns what axe-core finds on the page.
func violations(b *browser, axe string) []string {
	b.t.Helper()
	// The page's policy does not hold for what the browser evaluates on behalf
	// of its tools.
	value[bool](b, axe+"; true")
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`axe.run({resultTypes: ["violations"]}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + " at " + n.target.join(" ") + "\n" + n.failureSummary)))`, awaited))
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// headSticks checks that the table scrolls within the page and keeps its head.
func headSticks(b *browser, name string) {
	b.t.Helper()
	top := func() float64 {
		return value[float64](b, `document.querySelector("th").getBoundingClientRect().top - document.querySelector(".scroll").getBoundingClientRect().top`)
	}
	before := top()
	scrolled := value[float64](b, `(() => { const box = document.querySelector(".scroll"); box.scrollTop = 500; box.scrollLeft = 100; return box.scrollTop })()`)
	if after := top(); scrolled < 400 || after != before {
		b.t.Errorf("%s: scrolled by %v, the head moves from %v to %v", name, scrolled, before, after)
	}
}
