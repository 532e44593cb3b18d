package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/internal/emulator"
)

// within returns the headers of a scrape with a timeout.
func within(timeout time.Duration) http.Header {
	return http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64)}}
}

// scraped is the answer to a scrape.
type scraped struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// scrape starts a scrape and returns a function that waits for the answer.
func scrape(t *testing.T, ctx context.Context, url string, header http.Header) func() scraped {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	answered := make(chan scraped, 1)
	begin := time.Now()
	go func() {
		defer close(answered)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		answered <- scraped{resp.StatusCode, resp.Header, string(body), time.Since(begin)}
	}()
	return func() scraped { return <-answered }
}

// hang makes the API answer nothing.
func hang(api *emulator.Server) { api.AddFault(emulator.Fault{Hang: true, BeforeAuth: true}) }

// TestScrapesShare checks that overlapping scrapes share an answer if they ask for
// the same, and that each keeps its own deadline.
func TestScrapesShare(t *testing.T) {
	api, url := start(t)
	get(t, url+"/metrics", nil)
	hang(api)
	var same []func() scraped
	for range 20 {
		same = append(same, scrape(t, t.Context(), url+"/metrics", within(2*time.Second)))
	}
	gone, leave := context.WithCancel(t.Context())
	left := scrape(t, gone, url+"/metrics", within(2*time.Second))
	short := scrape(t, t.Context(), url+"/metrics", within(time.Second))
	other := scrape(t, t.Context(), url+"/metrics", http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {"2"}, "Accept": {openMetrics}})
	named := scrape(t, t.Context(), url+"/metrics?name[]=dcs_up", within(2*time.Second))
	time.Sleep(100 * time.Millisecond)
	leave()
	left()
	if got := short(); got.status != http.StatusOK || (got.took > 900*time.Millisecond && !raceDetector) {
		t.Errorf("the shorter one: %d after %s", got.status, got.took)
	}
	most := 1900 * time.Millisecond
	if raceDetector {
		most *= 2 // it takes its own time
	}
	first := same[0]()
	if first.status != http.StatusOK || first.took < time.Second || first.took > most || !strings.Contains(first.body, `dcs_up{instance_id="instance-1"} 0`) {
		t.Errorf("%d after %s\n%.500s", first.status, first.took, first.body)
	}
	for _, wait := range same[1:] {
		if got := wait(); got.body != first.body { // durations differ where it was made twice
			t.Errorf("made twice: %d\n%s", got.status, firstDifference(got.body, first.body))
		}
	}
	if got := other(); !strings.HasSuffix(got.body, "# EOF\n") {
		t.Errorf("another format: %d\n%.200s", got.status, got.body)
	}
	if got := named(); !strings.HasPrefix(got.body, "# HELP dcs_up ") || strings.Contains(got.body, "dcs_node_up") {
		t.Errorf("one metric: %d\n%.200s", got.status, got.body)
	}
}

// TestTooManyScrapes checks that the number of scrapes that cannot share an answer
// is limited, that rejected ones are counted, and that other targets are not
// affected.
func TestTooManyScrapes(t *testing.T) {
	api, url := start(t)
	get(t, url+"/metrics", nil)
	hang(api)
	var waiting []func() scraped
	ctx, leave := context.WithCancel(t.Context())
	for i := range 8 {
		waiting = append(waiting, scrape(t, ctx, url+"/metrics", within(time.Duration(9000-800*i)*time.Millisecond)))
		time.Sleep(20 * time.Millisecond) // one after the other
	}
	got := scrape(t, t.Context(), url+"/metrics", within(2*time.Second))()
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.took > time.Second || strings.Count(got.body, "\n") != 1 {
		t.Errorf("the ninth: %d %v after %s\n%s", got.status, got.header, got.took, got.body)
	}
	if got := scrape(t, t.Context(), url+"/probe?target=instance-1", within(1500*time.Millisecond))(); got.status != http.StatusOK {
		t.Errorf("a probe meanwhile: %d\n%s", got.status, got.body)
	}
	leave()
	for _, wait := range waiting {
		wait()
	}
	api.ClearFaults()
	time.Sleep(200 * time.Millisecond) // until the server knows that they have left
	if _, body := get(t, url+"/metrics", nil); !strings.Contains(body, "\ndcs_session_exporter_scrapes_rejected_total 1\n") || !strings.Contains(body, `dcs_up{instance_id="instance-1"} 1`) {
		t.Errorf("afterwards:\n%s", body)
	}
}

// TestScrapesOfOneHostHaveAnEnd checks that a host that sends ever more scrapes is
// rejected, and that other hosts are not affected.
func TestScrapesOfOneHostHaveAnEnd(t *testing.T) {
	api, url := start(t)
	get(t, url+"/metrics", nil)
	hang(api)
	count := make(map[int]int)
	var waiting []func() scraped
	for range 100 {
		waiting = append(waiting, scrape(t, t.Context(), url+"/metrics", within(2*time.Second)))
	}
	time.Sleep(300 * time.Millisecond)
	other := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext, DisableKeepAlives: true,
	}}
	r, err := other.Get(url + "/metrics?name[]=dcs_up")
	if err != nil {
		t.Fatal(err)
	}
	if _ = r.Body.Close(); r.StatusCode != http.StatusOK {
		t.Errorf("another host: %d", r.StatusCode)
	}
	for _, wait := range waiting {
		got := wait()
		count[got.status]++
		if got.status == http.StatusServiceUnavailable && (got.header.Get("Retry-After") == "" || got.took > time.Second) {
			t.Errorf("%d %v after %s", got.status, got.header, got.took)
		}
	}
	if count[http.StatusOK] != 64 || count[http.StatusServiceUnavailable] != 36 {
		t.Errorf("%v, want 64 answers and 36 refusals", count)
	}
	if r, _ := get(t, url+"/metrics", nil); r.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", r.StatusCode)
	}
}

// TestUsualScrapesHavePlaces checks that a pair of Prometheus servers, people and
// hundreds of probes are never rejected.
func TestUsualScrapesHavePlaces(t *testing.T) {
	var fleet []emulator.Instance
	for i := range 150 {
		fleet = append(fleet, emulator.Instance{ID: fmt.Sprintf("fleet-%d", i), ProjectID: "project-1", Nodes: []emulator.Node{{ID: fmt.Sprintf("fleet-node-%d", i), Role: "redis-server", Type: "master", Sessions: emulator.Static{}}}})
	}
	api, url := startWith(t, how{instances: fleet})
	hang(api)
	var waiting []func() scraped
	for _, accept := range []string{openMetrics, "text/plain", openMetrics} {
		waiting = append(waiting, scrape(t, t.Context(), url+"/metrics", http.Header{"X-Prometheus-Scrape-Timeout-Seconds": {"2"}, "Accept": {accept}}))
	}
	for _, i := range fleet {
		for range 2 {
			waiting = append(waiting, scrape(t, t.Context(), url+"/probe?target="+i.ID, within(2*time.Second)))
		}
	}
	for _, wait := range waiting {
		if got := wait(); got.status != http.StatusOK || got.took > 4*time.Second {
			t.Errorf("%d after %s\n%.200s", got.status, got.took, got.body)
		}
	}
}

// live returns the memory in use, in MiB.
func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc >> 20)
}

// requestUnread sends a request and reads only the beginning of the answer.
func requestUnread(t *testing.T, url, path string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Error(err)
		return
	}
	if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestScrapesThatAreNotRead checks that the memory of unread answers of about
// 10 MiB each is bounded, and released within seconds.
func TestScrapesThatAreNotRead(t *testing.T) {
	large := emulator.Instance{ID: "instance-5", ProjectID: "project-1"}
	for n := range 16 {
		var sessions emulator.Static
		for i := range 1500 {
			sessions = append(sessions, emulator.Session{ID: strconv.Itoa(i + 1), Addr: fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), Flags: "N", User: "default", Multi: -1})
		}
		large.Nodes = append(large.Nodes, emulator.Node{ID: fmt.Sprintf("large-node-%d", n), Role: "redis-server", Type: "master", Sessions: sessions})
	}
	_, url := startWith(t, how{instances: []emulator.Instance{large}, options: func(o *collector.Options) { o.Aggregate.Limits.Clients = 2000 }})
	if _, body := get(t, url+"/metrics", nil); len(body) < 8<<20 {
		t.Fatalf("the answer has only %d bytes", len(body))
	}
	before := live()
	unread := func() { requestUnread(t, url, "/metrics") }
	var wait sync.WaitGroup
	for range 30 { // at once
		wait.Go(unread)
	}
	wait.Wait()
	most := live()
	for range 10 { // one after the other
		unread()
		most = max(most, live())
	}
	t.Logf("%d MiB before, %d MiB at most", before, most)
	if most-before > 160 {
		t.Errorf("40 answers that are not read take %d MiB", most-before)
	}
	deadline := time.Now().Add(4 * 6 * time.Second) // six are enough where the machine has nothing else to do
	for live()-before > 48 {
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB are kept", live()-before)
		}
		time.Sleep(time.Second)
	}
}
