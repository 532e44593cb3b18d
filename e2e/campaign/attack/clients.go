package attack

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// storm scrapes so many times at once.
func storm(n int) func(*lab) {
	return func(l *lab) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := make(map[int]int)
		for range n {
			wg.Go(func() {
				status, header, err := l.ask(http.MethodGet, "/metrics", "X-Prometheus-Scrape-Timeout-Seconds", "10")
				mu.Lock()
				defer mu.Unlock()
				count[status]++
				switch {
				case err != nil:
					l.wrongf("one of %d scrapes: %v", n, err)
				case status == http.StatusServiceUnavailable && header.Get("Retry-After") == "":
					l.wrongf("503 without Retry-After")
				case status != http.StatusOK && status != http.StatusServiceUnavailable:
					l.wrongf("one of %d scrapes was answered by %d", n, status)
				}
			})
		}
		wg.Wait()
		l.notef("%d scrapes: %d × 200, %d × 503", n, count[http.StatusOK], count[http.StatusServiceUnavailable])
	}
}

// ask sends a request from the crowd's host, throws the answer's body away, and returns its status
// and header.
func (l *lab) ask(method, path string, header ...string) (int, http.Header, error) {
	req, err := http.NewRequestWithContext(l.ctx, method, "http://"+l.exporter.Address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept-Encoding", "gzip") // and not unpacked: that takes more than the exporter does
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := crowded.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header, err
}

// dial opens connections, says something on each, and returns them with what
// closes them.
func (l *lab) dial(n int, say string) ([]net.Conn, func()) {
	var all []net.Conn
	for range n {
		c, err := crowd.DialContext(l.ctx, "tcp", l.exporter.Address)
		if err != nil {
			break // no more are let in
		}
		_, _ = io.WriteString(c, say)
		all = append(all, c)
	}
	return all, func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// unread asks for metrics that nobody reads.
func unread(n int) func(*lab) {
	return func(l *lab) {
		if !l.awaitAll() {
			l.wrongf("not all instances are read before the attack")
		}
		all, done := l.dial(n, "GET /metrics HTTP/1.1\r\nHost: exporter\r\nX-Prometheus-Scrape-Timeout-Seconds: 3\r\n\r\n")
		defer done()
		const given = 20 * time.Second // the scrape's timeout, and some seconds
		time.Sleep(given)
		if open := l.descriptors(); open > len(all)/2 {
			l.wrongf("%d file descriptors are open %v after %d scrapes that nobody reads", open, given, len(all))
		}
	}
}

// descriptors returns how many files the exporter has open.
func (l *lab) descriptors() int {
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.exporter.PID()))
	return len(files)
}

// idle opens connections and says nothing.
func idle(n int) func(*lab) {
	return func(l *lab) {
		all, done := l.dial(n, "")
		defer done()
		l.notef("%d idle connections", len(all))
		for range 3 {
			l.checkScrape(l.scrape(l.attack.scrape))
		}
	}
}

// unreadLog stops reading the log while scrapes go on, until the exporter has
// ended.
func unreadLog(l *lab) {
	l.exporter.Stall()
	for range 20 {
		l.checkScrape(l.scrape(l.attack.scrape))
	}
}

// reloadStorm loads the configuration again and again.
func reloadStorm(n int) func(*lab) {
	return func(l *lab) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range n / 4 {
					if status, _, err := l.ask(http.MethodPost, "/-/reload"); err != nil || status != http.StatusOK {
						l.wrongf("a reload was answered by %d, %v", status, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// crossOrigin reloads as a page of another origin does, and as curl does.
func crossOrigin(l *lab) {
	for _, header := range [][]string{{"Origin", "http://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _, err := l.ask(http.MethodPost, "/-/reload", header...); err != nil || status != http.StatusForbidden {
			l.wrongf("a reload with %q was answered by %d, %v", header, status, err)
		}
	}
	if status, _, err := l.ask(http.MethodPost, "/-/reload"); err != nil || status != http.StatusOK {
		l.wrongf("a plain reload was answered by %d, %v", status, err)
	}
}

// tinyTimeouts scrapes with timeouts that are too short for anything.
func tinyTimeouts(l *lab) {
	for range 20 {
		if status, _, err := l.ask(http.MethodGet, "/metrics", "X-Prometheus-Scrape-Timeout-Seconds", "0.05"); err != nil || status != http.StatusOK {
			l.wrongf("a scrape with a tiny timeout was answered by %d, %v", status, err)
		}
	}
}

// pipeAsKey puts a pipe in the place of a key's file.
func pipeAsKey(l *lab) {
	if !l.awaitAll() {
		l.wrongf("not all instances are read before the attack")
	}
	path := filepath.Join(l.dir, "attacked.secret")
	if err := os.Remove(path); err != nil {
		l.wrongf("%v", err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		l.wrongf("%v", err)
	}
	start := time.Now()
	status, _, err := l.ask(http.MethodPost, "/-/reload")
	if took := time.Since(start); err != nil || took > 10*time.Second {
		l.wrongf("a reload took %v: %d, %v", took, status, err)
	}
	s := l.scrape(l.attack.scrape)
	l.checkScrape(s)
	if !s.up(target) {
		l.wrongf("the last key is not used while its file is a pipe: %q", s.reasons(target))
	}
	if err := os.Remove(path); err != nil {
		l.wrongf("%v", err)
	}
	if err := l.writeKey("attacked", l.key); err != nil {
		l.wrongf("%v", err)
	}
}
