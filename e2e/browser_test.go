package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/e2e/harness"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a tab of a real browser without a screen, which notes what a page
// must not do.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu   sync.Mutex
	said []string // errors, violations of policies, dialogs
}

// openBrowser starts a Chromium.
func openBrowser(t *testing.T, options ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	options = append(append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(harness.Binary(t, "chromium")),
		chromedp.NoSandbox, chromedp.WindowSize(1366, 768)), options...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	b := &browser{t: t}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			b.note(e.Entry.URL + " " + e.Entry.Text)
		case *runtime.EventExceptionThrown:
			b.note(e.ExceptionDetails.Text)
		case *page.EventJavascriptDialogOpening:
			b.note("dialog " + e.Message)
		}
	}))
	t.Cleanup(cancel)
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return b
}

func (b *browser) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, text)
}

// quiet checks that the pages did nothing that they must not, but for what has
// one of the texts in it.
func (b *browser) quiet(but ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, text := range b.said {
		for _, known := range but {
			if strings.Contains(text, known) {
				continue next
			}
		}
		b.t.Errorf("the browser says: %s", text)
	}
	b.said = nil
}

// do carries actions out.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// press clicks on what leads to another page, and waits for that.
func (b *browser) press(selector string) {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, chromedp.Click(selector))
	if err != nil || response == nil {
		b.t.Fatalf("%s leads nowhere: %v", selector, err)
	}
}

// value evaluates an expression in the page.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// texts returns the texts of all elements that a selector matches.
func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return value[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.innerText.trim())", selector))
}

// fits checks that the page is not wider than the window, and keeps a picture
// of it where the variable SCREENSHOTS names a directory.
func (b *browser) fits(name string) {
	b.t.Helper()
	if over := value[float64](b, "document.documentElement.scrollWidth - window.innerWidth"); over > 0 {
		b.t.Errorf("%s is %v pixels wider than the window", name, over)
	}
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
