package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// startedDemo runs the demo until the test ends. It returns what it writes once
// it says that it is ready, or the error that it ends with before.
func startedDemo(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, log output
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"--demo"}, args...), &out, &log) }()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			cancel()
			return "", err
		default:
		}
		if strings.Contains(out.String(), "Ctrl+C") {
			t.Cleanup(func() {
				http.DefaultClient.CloseIdleConnections()
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
			return out.String(), nil
		}
	}
	cancel()
	t.Fatalf("it is never ready:\n%s", log.String())
	return "", nil
}

// page returns a page of the demo.
func page(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestDemoSaysWhereToLook checks that the demo listens on loopback, has lists
// when it says that it is ready, and names pages that exist.
func TestDemoSaysWhereToLook(t *testing.T) {
	stdout, err := startedDemo(t)
	if err != nil {
		if strings.Contains(err.Error(), `cannot listen on "127.0.0.1:9947"`) {
			t.Skip("somebody else listens on the demo's port: ", err)
		}
		t.Fatal(err)
	}
	links := regexp.MustCompile(`http://\S+`).FindAllString(stdout, -1)
	if want := []string{"http://127.0.0.1:9947/", "http://127.0.0.1:9947/sessions", "http://127.0.0.1:9947/metrics"}; !slices.Equal(links, want) {
		t.Fatalf("it names %q, want %q, in\n%s", links, want, stdout)
	}
	for _, link := range links {
		if status, body := page(t, link); status != http.StatusOK {
			t.Errorf("%s: %d\n%s", link, status, body)
		}
	}
	if !strings.Contains(stdout, "- targets: ['127.0.0.1:9947']") {
		t.Errorf("no scrape config in\n%s", stdout)
	}
	// One press leads from the instances to sessions: the lists are there.
	_, body := page(t, links[1]+"?instance=dev-single")
	if !strings.Contains(body, "Sessions 1 to ") {
		t.Errorf("no sessions in\n%s", body)
	}
}

// TestDemoElsewhere checks that a given address decides, and that /sessions
// follows its own rule there.
func TestDemoElsewhere(t *testing.T) {
	stdout, err := startedDemo(t, "--web.listen-address=127.0.0.1:0", "--web.telemetry-path=/m")
	if err != nil {
		t.Fatal(err)
	}
	base := regexp.MustCompile(`http://127.0.0.1:\d+`).FindString(stdout)
	if status, _ := page(t, base+"/sessions"); status != http.StatusNotFound || !strings.Contains(stdout, "off: set --web.enable-sessions") {
		t.Errorf("/sessions: %d; it says\n%s", status, stdout)
	}
	if status, _ := page(t, base+"/m"); status != http.StatusOK || !strings.Contains(stdout, base+"/m\n") || !strings.Contains(stdout, "metrics_path: /m\n") {
		t.Errorf("/m: %d; it says\n%s", status, stdout)
	}

	stdout, err = startedDemo(t, "--web.listen-address=[::]:0", "--web.listen-address=127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(stdout, "The demo is ready."); n != 1 {
		t.Errorf("it says so %d times:\n%s", n, stdout)
	}
	if base := regexp.MustCompile(`http://(localhost|127.0.0.1):\d+`).FindString(stdout); base == "" {
		t.Errorf("no address to open in\n%s", stdout)
	}
}

// TestSessionsOfDemo checks that the command shows the demo's sessions without
// further flags.
func TestSessionsOfDemo(t *testing.T) {
	var stdout output
	if err := run(t.Context(), []string{"sessions", "--demo", "--instance=dev-single"}, &stdout, new(output)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stdout.String(), "Sessions 1 to 20 of ") {
		t.Errorf("got\n%s", stdout.String())
	}
}
