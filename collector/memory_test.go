package collector_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"dcs_session_exporter/collector"
	"dcs_session_exporter/collector/exposition"
	"dcs_session_exporter/collector/fleet"
	"dcs_session_exporter/collector/reader"
	"dcs_session_exporter/dcsapi"

	"github.com/go-kit/log"
)

// most is how much memory a process may take whatever the API answers.
const mostMemory = 256 << 20

// TestMemory reads what a hostile server answers, in a process of its own, and
// measures how much memory that has taken from the system.
func TestMemory(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes up to a minute, and says nothing of memory under the race detector")
	}
	text := strings.Repeat("x", 240)
	for _, tt := range []struct {
		name  string
		nodes int
		page  func(offset, limit int) []byte // of sessions, nil for an endless one
		list  func() []byte                  // of nodes
		want  string                         // what the log says
	}{
		{"gzip bombs", 20, func(int, int) []byte { return bytes.Repeat([]byte(" "), 20<<20) }, nil, "reason=decode"},
		{"as large as it may be", 20, func(int, int) []byte {
			return fmt.Appendf(nil, `{"time":"2023-06-15T03:10:01.332Z","count":1,"clients":[{"id":"1","name":"%s"}]}`, bytes.Repeat([]byte(`\u0041`), 16<<20/6-100))
		}, nil, ""},
		{"keys in a session", 4, func(int, int) []byte {
			return fmt.Appendf(nil, `{"time":"2023-06-15T03:10:01.332Z","count":1,"clients":[{"id":"1"%s}]}`, bytes.Repeat([]byte(`,"":1`), 16<<20/5-100))
		}, nil, ""},
		{"a million of everything", 1, func(offset, limit int) []byte {
			b := []byte(`{"time":"2023-06-15T03:10:01.332Z","count":1000000,"clients":[`)
			for i := offset; i < min(offset+limit, 1_000_000); i++ {
				if i > offset {
					b = append(b, ',')
				}
				value := fmt.Sprint(i, text)
				b = fmt.Appendf(b, `{"id":"%d","addr":"%s","name":"%s","cmd":"%s","user":"%s","age":%d,"idle":%d}`, i+1, value, value, value, value, int64(i+1)<<40, i)
			}
			return append(b, `]}`...)
		}, nil, ""},
		{"huge names", 4, func(offset, limit int) []byte {
			b := []byte(`{"time":"2023-06-15T03:10:01.332Z","count":10000,"clients":[`)
			for i := offset; i < min(offset+limit, 10_000); i++ {
				if i > offset {
					b = append(b, ',')
				}
				b = fmt.Appendf(b, `{"id":"%d","name":"%d%s"}`, i+1, i, bytes.Repeat([]byte("n"), 15_000))
			}
			return append(b, `]}`...)
		}, nil, ""},
		{"more sessions than asked for", 8, func(int, int) []byte {
			return fmt.Appendf(nil, `{"time":"2023-06-15T03:10:01.332Z","count":3000000,"clients":[{"id":"1"}%s]}`, bytes.Repeat([]byte(`,{}`), 16<<20/3-100))
		}, nil, "a page has more sessions than the 1000 that were asked for"},
		{"elements in a list of nodes", 0, nil, func() []byte {
			return fmt.Appendf(nil, `{"nodes":[{}%s]}`, bytes.Repeat([]byte(`,{}`), 16<<20/3-100))
		}, "more than 200000 are not read"},
		{"keys in an answer", 0, nil, func() []byte {
			var b bytes.Buffer
			b.WriteString(`{"nodes":[{"node_id":"n"`)
			for i := 0; b.Len() < 15<<20; i++ {
				fmt.Fprintf(&b, `,"%x":0`, i)
			}
			b.WriteString("}]}")
			return b.Bytes()
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var whole []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case strings.HasSuffix(r.URL.Path, "/logical-nodes") && tt.list != nil:
					_, _ = w.Write(tt.list())
				case strings.HasSuffix(r.URL.Path, "/clients") && tt.name == "gzip bombs":
					w.Header().Set("Content-Encoding", "gzip")
					_, _ = w.Write(whole)
				case strings.HasSuffix(r.URL.Path, "/clients") && tt.page != nil:
					offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
					limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
					_, _ = w.Write(tt.page(offset, limit))
				case strings.HasSuffix(r.URL.Path, "/logical-nodes"):
					_, _ = w.Write([]byte(`{"nodes":[]}`))
				case strings.HasSuffix(r.URL.Path, "/clients"):
					_, _ = w.Write([]byte(`{"clients":[],"count":0}`))
				default:
					_, _ = w.Write([]byte(`{"instance_num":0,"instances":[]}`))
				}
			}))
			defer server.Close()
			if tt.name == "gzip bombs" {
				var b bytes.Buffer
				z := gzip.NewWriter(&b)
				_, _ = z.Write(tt.page(0, 0))
				_ = z.Close()
				whole = b.Bytes()
			}
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			child := exec.CommandContext(t.Context(), exe, "-test.run=^TestMemoryChild$", "-test.v")
			child.Env = append(os.Environ(), "MEMORY_TEST_API="+server.URL, "MEMORY_TEST_NODES="+strconv.Itoa(tt.nodes), "GOGC=100", "GOMEMLIMIT=off")
			out, err := child.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			m := regexp.MustCompile(`took=(\d+)`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("no measurement: %s", out)
			}
			took, _ := strconv.Atoi(string(m[1]))
			t.Logf("%d MiB: %s", took>>20, out)
			if took > mostMemory {
				t.Errorf("took %d MiB, want at most %d", took>>20, mostMemory>>20)
			}
			if !strings.Contains(string(out), tt.want) {
				t.Errorf("the log does not say %q: %.2000s", tt.want, out)
			}
		})
	}
}

// TestMemoryChild is the process that TestMemory measures.
func TestMemoryChild(t *testing.T) {
	api := os.Getenv("MEMORY_TEST_API")
	if api == "" {
		t.Skip("not a test by itself")
	}
	client := dcsapi.New(dcsapi.Options{
		Region: region, Endpoint: api, ProjectID: projectID, RequestsPerSecond: 10_000, MaxConcurrentRequests: 20,
		Keys: dcsapi.NewConfiguredKey(dcsapi.Secret{Value: "AK"}, dcsapi.Secret{Value: "SK"}, dcsapi.Secret{}),
	})
	defer client.Close()
	instance := fleet.Instance{ID: "instance-1"}
	nodes, _ := strconv.Atoi(os.Getenv("MEMORY_TEST_NODES"))
	for k := range nodes {
		instance.Nodes = append(instance.Nodes, fmt.Sprint("node-", k))
	}
	c := collector.New(collector.Options{
		Projects: []collector.Project{{API: client, Instances: []fleet.Instance{instance}, PagesAtOnce: 8}},
		Scan:     reader.ScanOptions{Off: true}, Aggregate: new(testOptions()), DiscoveryInterval: time.Hour, Timeout: 2 * time.Minute,
		Logger: log.NewLogfmtLogger(os.Stdout),
	}, exposition.NewSelfMetrics(), nil)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	families, err := c.Scrape(ctx).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "dcs_sessions" || f.GetName() == "dcs_session_exporter_values_folded" || f.GetName() == "dcs_client_addresses" {
			sum := 0.0
			for _, m := range f.Metric {
				sum += m.GetGauge().GetValue()
			}
			t.Log(f.GetName(), sum)
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	t.Logf("took=%d", stats.Sys)
}
