package harness

import (
	"path/filepath"
	"testing"
)

// StartAlertmanager starts an Alertmanager with a configuration (YAML) and
// further arguments, on a free port, without a cluster and with an empty
// database. Prometheus finds it by its address:
//
//	alerting: {alertmanagers: [{static_configs: [{targets: [ADDRESS]}]}]}
func StartAlertmanager(t *testing.T, config string, args ...string) *Process {
	t.Helper()
	dir := t.TempDir()
	return Start(t, Listening, Binary(t, "alertmanager"), append(args,
		"--config.file="+Write(t, dir, "alertmanager.yml", config), "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")...)
}
