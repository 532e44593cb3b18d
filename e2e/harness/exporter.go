package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"dcs_session_exporter/internal/emulator"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// The formats that Scrape asks for.
var (
	ClassicText = string(expfmt.NewFormat(expfmt.TypeTextPlain))
	Protobuf    = string(expfmt.NewFormat(expfmt.TypeProtoDelim))
)

// Exporter is a running exporter.
type Exporter struct{ *Process }

// StartExporter starts the exporter with arguments, on a free port of 127.0.0.1
// if they name no address.
func StartExporter(t *testing.T, args ...string) *Exporter {
	t.Helper()
	if exporter == "" {
		t.Fatal("TestMain has to call harness.Main")
	}
	const listen = "--web.listen-address="
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, listen) }) {
		args = append(args, listen+"127.0.0.1:0")
	}
	return &Exporter{Start(t, Listening, exporter, args...)}
}

// RunExporter runs a command of the exporter to its end, and returns what it
// writes and its exit code.
func RunExporter(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	return Run(t, nil, exporter, args...)
}

// Get asks for a page, and returns the answer's status, header and body. The
// exporter must serve plain HTTP.
func (e *Exporter) Get(t *testing.T, path string, header http.Header) (status int, got http.Header, body []byte) {
	t.Helper()
	return send(t, http.MethodGet, "http://"+e.Address+path, header, nil)
}

// Post sends an empty POST, and returns the answer's status.
func (e *Exporter) Post(t *testing.T, path string) (status int) {
	t.Helper()
	status, _, _ = send(t, http.MethodPost, "http://"+e.Address+path, nil, nil)
	return status
}

// Await waits until a page answers with a status.
func (e *Exporter) Await(t *testing.T, path string, want int) {
	t.Helper()
	Await(t, fmt.Sprintf("status %d at %s", want, path), func() bool {
		status, _, _ := e.Get(t, path, nil)
		return status == want
	})
}

// Scrape returns the metric families that a page such as /metrics has, by name,
// in the format that accept asks for.
func (e *Exporter) Scrape(t *testing.T, path, accept string) map[string]*dto.MetricFamily {
	t.Helper()
	status, header, body := e.Get(t, path, http.Header{"Accept": {accept}})
	if status != http.StatusOK {
		t.Fatalf("%s: status %d\n%s", path, status, body)
	}
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.ResponseFormat(header))
	for {
		family := new(dto.MetricFamily)
		err := decoder.Decode(family)
		if errors.Is(err, io.EOF) {
			return families
		}
		if err != nil {
			t.Fatalf("decode %s: %v", header.Get("Content-Type"), err)
		}
		families[family.GetName()] = family
	}
}

// ServeAPI serves instances through the emulated API, and returns it with its
// base URL.
func ServeAPI(t *testing.T, o emulator.Options, instances ...emulator.Instance) (api *emulator.Server, url string) {
	t.Helper()
	api = emulator.New(o)
	api.SetKey(emulator.DemoKey())
	api.Add(instances...)
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	return api, server.URL
}

// StartAPI is ServeAPI with the path of a configuration to read the instances
// with: the demo's, followed by settings (YAML, top level).
func StartAPI(t *testing.T, o emulator.Options, settings string, instances ...emulator.Instance) (api *emulator.Server, config string) {
	t.Helper()
	api, url := ServeAPI(t, o, instances...)
	return api, Write(t, t.TempDir(), "config.yml", emulator.DemoConfig(url, instances)+settings)
}
