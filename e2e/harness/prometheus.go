package harness

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
)

// Prometheus is a running Prometheus server.
type Prometheus struct {
	*Process
	API v1.API
}

// StartPrometheus starts a Prometheus server with a configuration (YAML; paths
// in it should be absolute) and further arguments, on a free port and with an
// empty database, and returns when it is ready.
func StartPrometheus(t *testing.T, config string, args ...string) *Prometheus {
	t.Helper()
	dir := t.TempDir()
	p := &Prometheus{Process: Start(t, Listening, Binary(t, "prometheus"), append(args,
		"--config.file="+Write(t, dir, "prometheus.yml", config), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--scrape.discovery-reload-interval=100ms")...)}
	client, err := api.NewClient(api.Config{Address: "http://" + p.Address})
	if err != nil {
		t.Fatal(err)
	}
	p.API = v1.NewAPI(client)
	Await(t, "Prometheus being ready", func() bool {
		status, _, _ := send(t, http.MethodGet, "http://"+p.Address+"/-/ready", nil, nil)
		return status == http.StatusOK
	})
	return p
}

// Query returns the result of an instant query at a time, the zero time for
// now. Warnings and infos fail the test.
func (p *Prometheus) Query(t *testing.T, at time.Time, format string, args ...any) model.Vector {
	t.Helper()
	expr := fmt.Sprintf(format, args...)
	vector, ok := p.query(t, at, expr).(model.Vector)
	if !ok {
		t.Fatalf("%s: no instant vector", expr)
	}
	return vector
}

// Points returns what a range selector such as up[5m] selects until now.
// Warnings and infos fail the test.
func (p *Prometheus) Points(t *testing.T, format string, args ...any) model.Matrix {
	t.Helper()
	expr := fmt.Sprintf(format, args...)
	matrix, ok := p.query(t, time.Time{}, expr).(model.Matrix)
	if !ok {
		t.Fatalf("%s: no range vector", expr)
	}
	return matrix
}

func (p *Prometheus) query(t *testing.T, at time.Time, expr string) model.Value {
	t.Helper()
	if at.IsZero() {
		at = time.Now()
	}
	value, warnings, infos, err := p.API.Query(t.Context(), expr, at)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	if len(warnings)+len(infos) > 0 {
		t.Errorf("%s: warnings %q, infos %q", expr, warnings, infos)
	}
	return value
}

// Value returns the one value that an instant query gives.
func (p *Prometheus) Value(t *testing.T, at time.Time, format string, args ...any) float64 {
	t.Helper()
	vector := p.Query(t, at, format, args...)
	if len(vector) != 1 || vector[0].Histogram != nil {
		t.Fatalf("%s: %v, want one value", fmt.Sprintf(format, args...), vector)
	}
	return float64(vector[0].Value)
}

// Await waits until an instant query gives a result, and returns it.
func (p *Prometheus) Await(t *testing.T, format string, args ...any) model.Vector {
	t.Helper()
	expr := fmt.Sprintf(format, args...)
	var vector model.Vector
	defer func() {
		if len(vector) > 0 {
			return
		}
		if targets, err := p.API.Targets(t.Context()); err == nil {
			for _, target := range targets.Active {
				t.Logf("target %s of job %s: %s %s", target.ScrapeURL, target.ScrapePool, target.Health, target.LastError)
			}
		}
	}()
	Await(t, expr, func() bool {
		vector = p.Query(t, time.Time{}, "%s", expr)
		return len(vector) > 0
	})
	return vector
}

// AwaitValue waits until an instant query gives one sample, with a value.
func (p *Prometheus) AwaitValue(t *testing.T, want float64, format string, args ...any) {
	t.Helper()
	expr := fmt.Sprintf(format, args...)
	var vector model.Vector
	defer func() {
		if t.Failed() {
			t.Logf("%s is %v", expr, vector)
		}
	}()
	Await(t, fmt.Sprintf("%s == %v", expr, want), func() bool {
		vector = p.Query(t, time.Time{}, "%s", expr)
		return len(vector) == 1 && float64(vector[0].Value) == want
	})
}

// Stored returns the series of a metric with a label as they are stored, in the
// last hour, by remote read.
func (p *Prometheus) Stored(t *testing.T, metric string, labels map[string]string) []*prompb.TimeSeries {
	t.Helper()
	query := &prompb.Query{
		StartTimestampMs: time.Now().Add(-time.Hour).UnixMilli(), EndTimestampMs: time.Now().UnixMilli(),
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_EQ, Name: model.MetricNameLabel, Value: metric}},
	}
	for name, value := range labels {
		query.Matchers = append(query.Matchers, &prompb.LabelMatcher{Type: prompb.LabelMatcher_EQ, Name: name, Value: value})
	}
	body, err := (&prompb.ReadRequest{Queries: []*prompb.Query{query}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	status, _, packed := send(t, http.MethodPost, "http://"+p.Address+"/api/v1/read", nil, snappy.Encode(nil, body))
	if status != http.StatusOK {
		t.Fatalf("remote read: status %d\n%s", status, packed)
	}
	var answer prompb.ReadResponse
	if body, err = snappy.Decode(nil, packed); err == nil {
		err = answer.Unmarshal(body)
	}
	if err != nil || len(answer.Results) != 1 {
		t.Fatalf("remote read: %v, %d results", err, len(answer.Results))
	}
	return answer.Results[0].Timeseries
}
