package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
)

// build builds a package of the exporter's module and returns the program's
// path.
func build(ctx context.Context, dir, source string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "dcs_session_exporter").Output()
	if err != nil {
		return "", fmt.Errorf("find the exporter's module (run this in the folder e2e): %w", err)
	}
	binary := filepath.Join(dir, path.Base(source))
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, source)
	command.Dir = strings.TrimSpace(string(root))
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return binary, nil
}

// exporter is a running exporter, this one or another.
type exporter struct {
	*process
	url string
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startExporter starts this project's exporter.
func startExporter(ctx context.Context, dir, binary, config string) (*exporter, error) {
	file, err := os.CreateTemp(dir, "config*.yml")
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(file, config); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	p, err := start(ctx, w, binary, "--config.file="+file.Name(), "--web.listen-address=127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			} else if !strings.Contains(lines.Text(), "level=info") {
				fmt.Fprintln(os.Stderr, lines.Text())
			}
		}
	}()
	select {
	case a := <-address:
		return &exporter{p, "http://" + a + "/metrics"}, nil
	case <-time.After(30 * time.Second):
		p.stop()
		return nil, errors.New("the exporter does not listen")
	}
}

// pagesConfig is the exporter's configuration for a server of pages: limits of
// requests lifted, no scans, lists of any age.
func pagesConfig(s pageServer, nodes int, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "projects:\n  - region: cn-north-4\n    project_id: %s\n    endpoint: %s\n    iam_endpoint: %s\n", projectID, s.URL, s.URL)
	fmt.Fprintf(&b, "    credentials: {access_key: key, secret_key: key}\n    max_concurrent_requests: %d\n    requests_per_second: 1000\n", concurrency)
	if s.CA != "" {
		fmt.Fprintf(&b, "    tls_config:\n      ca: |\n        %s\n", strings.ReplaceAll(strings.TrimSpace(s.CA), "\n", "\n        "))
	}
	fmt.Fprintf(&b, "    instances:\n      - id: %s\n        nodes: [%s", instanceID, nodeID(0))
	for k := 1; k < nodes; k++ {
		b.WriteString(", " + nodeID(k))
	}
	b.WriteString("]\nscan: {mode: off}\nmax_snapshot_age: 0s\nlimits_interval: 0s\n")
	return b.String() + more
}

// The formats that metrics are asked for in.
var (
	text     = http.Header{"Accept": {string(expfmt.NewFormat(expfmt.TypeTextPlain))}}
	protobuf = http.Header{"Accept": {string(expfmt.NewFormat(expfmt.TypeProtoDelim))}}
	packed   = http.Header{"Accept": {string(expfmt.NewFormat(expfmt.TypeProtoDelim))}, "Accept-Encoding": {"gzip"}}
)

// scrape gets the metrics of an exporter.
func (e *exporter) scrape(header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(e.ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := scraper.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", e.url, resp.Status)
	}
	return body, err
}

// subject returns the exporter's scrapes in a format.
func (e *exporter) subject(name string, format http.Header) subject {
	return subject{name, e.command.Process.Pid, func() (amount, error) {
		body, err := e.scrape(format)
		return amount{Bytes: int64(len(body))}, err
	}}
}

// scraper packs only what is asked to be.
var scraper = &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: 5 * time.Minute}

// count scrapes an exporter as text, and counts its series and the sessions
// that they tell of, in this exporter's way or in redis_exporter's.
func (e *exporter) count() (amount, error) {
	body, err := e.scrape(text)
	total := amount{Bytes: int64(len(body))}
	for line := range bytes.Lines(body) {
		if line[0] == '#' {
			continue
		}
		total.Series++
		switch {
		case bytes.HasPrefix(line, []byte("redis_connected_client_info{")):
			total.Sessions++
		case bytes.HasPrefix(line, []byte("dcs_sessions{")):
			value := line[bytes.LastIndexByte(line, ' ')+1 : len(line)-1]
			n, err := strconv.ParseFloat(string(value), 64)
			if err != nil {
				return amount{}, err
			}
			total.Sessions += int64(n)
		}
	}
	return total, err
}
