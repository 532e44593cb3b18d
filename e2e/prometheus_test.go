package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promapi "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// prometheus is a running Prometheus.
type prometheus struct {
	*process
	promapi.API
	t *testing.T
}

// startPrometheus runs a Prometheus with a configuration, which promtool must
// find in order.
func startPrometheus(t *testing.T, config string) *prometheus {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "config", file)
	address := freeAddress(t)
	p := startProcess(t, address, "/-/ready", tool(t, "prometheus"), "--config.file="+file,
		"--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+address, "--log.level=warn")
	client, err := api.NewClient(api.Config{Address: p.url})
	if err != nil {
		t.Fatal(err)
	}
	return &prometheus{p, promapi.NewAPI(client), t}
}

// promtool runs promtool, which must succeed.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(tool(t, "promtool"), args...).CombinedOutput(); err != nil {
		t.Fatalf("promtool %v: %v\n%s", args, err, out)
	}
}

// query returns the vector that an expression gives now.
func (p *prometheus) query(expression string) model.Vector {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	value, _, _, err := p.Query(ctx, expression, time.Now())
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		p.t.Fatalf("%s: %s, want a vector", expression, value.Type())
	}
	return vector
}

// scalar returns the only value that an expression gives now, and whether there
// is exactly one.
func (p *prometheus) scalar(expression string) (float64, bool) {
	p.t.Helper()
	v := p.query(expression)
	if len(v) != 1 {
		return 0, false
	}
	return float64(v[0].Value), true
}

// await polls until an expression gives a single value that is as wanted.
func (p *prometheus) await(expression string, want float64) {
	p.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if got, ok := p.scalar(expression); ok && got == want {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s is not %v: %v", expression, want, p.query(expression))
		}
	}
}
